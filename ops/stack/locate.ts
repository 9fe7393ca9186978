/**
 * Where a stack is, what it consists of, and how to be admitted to it: every stack by its account's API.
 *
 * Where that API is and with which token, `local` says in a file that the running platform writes (readable by its owner only,
 * for it holds secrets), the others in the environment, so that no secret ever stands in a command line or a repository.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Stack } from "../../infra/inventory.ts";
import { discoverResources } from "../cloudflare/account-resources.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { s3Credentials } from "../cloudflare/s3-credentials.ts";
import { OpsError, type OpsErrorParts } from "../command/errors.ts";
import { isAlive } from "../machine.ts";
import { once } from "./once.ts";
import { type PlatformFile, platformFile } from "./platform-file.ts";
import type { StackAddresses, StackTarget } from "./target.ts";

/**
 * A stack to work on.
 * @throws OpsError when the local platform is not running.
 */
export async function locateStack(
  stack: Stack,
  dataDir: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<StackTarget> {
  const { api, service, s3Url } =
    stack === "local" ? localAddresses(await runningPlatform(dataDir)) : await remoteAddresses(stack, env, signal);
  const s3 = once(async () => ({ endpoint: await s3Url(), credentials: await s3Credentials(await api(), signal) }));
  return {
    stack,
    api,
    service,
    s3,
    resources: async () => {
      const address = await api();
      const client = createCloudflare(address, { signal });
      const [found, access] = await Promise.all([discoverResources(client, address.account_id, stack), s3()]);
      return { ...found, s3: access };
    },
  };
}

async function remoteAddresses(stack: Stack, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<StackAddresses> {
  // Loaded on use: the local stack does without what reads configuration.
  const remote = await import("./remote-stack.ts");
  return remote.remoteAddresses(stack, env, signal);
}

function localAddresses(platform: PlatformFile): StackAddresses {
  const { url, api_secret, s3_url, api_url, account_id, api_token } = platform;
  return {
    api: async () => ({ api_url, account_id, token: api_token }),
    service: async () => ({ url, secret: api_secret }),
    s3Url: async () => s3_url,
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
