/**
 * Where a stack is, what it consists of, and how to be admitted to it.
 *
 * `local` is described by a file that the running platform writes (readable by its owner only, for it holds secrets), and by
 * its REST API; the others by the outputs of their Pulumi stack, for which an API token in the environment is enough, so that
 * no secret ever stands in a command line or a repository.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Stack } from "../../infra/inventory.ts";
import { type PlatformFile, platformFile } from "../../local/state.ts";
import { discoverResources } from "../cloudflare/account-resources.ts";
import { type CloudflareAddress, createCloudflare } from "../cloudflare/api.ts";
import { type S3Credentials, s3Credentials } from "../cloudflare/s3-credentials.ts";
import { OpsError, type OpsErrorParts } from "../command/errors.ts";

export interface StackTarget {
  stack: Stack;
  /** Base of the Worker's HTTP API, without a trailing slash. */
  url: string;
  /** The bootstrap secret, `API_SECRET`: admin of every tenant. */
  secret: string;
  /** Cloudflare's API for this stack's account. @throws OpsError on access where the environment has no token. */
  readonly api: CloudflareAddress;
  /** What the stack consists of. @throws OpsError when it was not deployed or an answer is missing. */
  resources(): Promise<StackResources>;
}

export interface StackResources {
  account_id: string;
  database: { live: number; generations: { generation: number; name: string; id: string }[] };
  vectors: { live: number; generations: { generation: number; name: string; dimensions: number }[] };
  /** Ids. */
  kv: { cache: string; config: string };
  /** Names. */
  buckets: { vectors: string; backups: string; logs: string; audit: string };
  queues: { ingest: { name: string; id: string }; dead: { name: string; id: string } };
  /** Credentials of the API token in use: they may do with buckets what it may. */
  s3: { endpoint: string; credentials: S3Credentials };
  worker: { name: string };
}

/**
 * A stack to work on.
 * @throws OpsError when the local platform is not running, or another stack cannot be found by the environment.
 */
export async function locateStack(
  stack: Stack,
  dataDir: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<StackTarget> {
  if (stack === "local") return await locateLocal(dataDir, signal);
  // Loaded on use: it brings what talks with the engine.
  const { remoteStack } = await import("./remote-stack.ts");
  return await remoteStack(stack, env, signal);
}

async function locateLocal(dataDir: string, signal: AbortSignal): Promise<StackTarget> {
  const { url, api_secret, s3_url, api_url, account_id, api_token } = await runningPlatform(dataDir);
  const api = { api_url, account_id, token: api_token };
  return {
    stack: "local",
    url,
    secret: api_secret,
    api,
    resources: async () => {
      const [resources, credentials] = await Promise.all([
        discoverResources(createCloudflare(api, { signal }), account_id, "local"),
        s3Credentials(api, signal),
      ]);
      return { ...resources, s3: { endpoint: s3_url, credentials } };
    },
  };
}

/** What the platform that runs on the data folder says about itself. @throws OpsError when none does. */
export async function runningPlatform(dataDir: string): Promise<PlatformFile> {
  const path = join(dataDir, "platform.json");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const cause = "the local platform is not running (it writes this file while it runs)";
    throw notFound(path, { cause, reason: "not-running" }, error);
  }
  let platform: PlatformFile;
  try {
    platform = platformFile.parse(JSON.parse(text));
  } catch (error) {
    throw notFound(path, { cause: "the folder is damaged or of another version" }, error);
  }
  if (isAlive(platform.pid)) return platform;
  throw notFound(path, { cause: "the process it describes is gone", reason: "not-running" }, undefined);
}

function notFound(path: string, why: Pick<OpsErrorParts, "cause" | "reason">, error: unknown): OpsError {
  return new OpsError(
    {
      op: "find the local platform in",
      subject: path,
      ...why,
      hint: "npm start (in another terminal), or --data DIR if it runs with another data folder",
    },
    { error },
  );
}

/** Signal 0 only asks; EPERM means that the process exists under another user. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
