/**
 * Where a stack is and how to be admitted to it.
 *
 * `local` is described by a file that the running platform writes (readable by its owner only, for it holds
 * secrets); the others by the environment, so that no secret ever stands in a command line or a repository.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Stack } from "../infra/inventory.ts";
import { platformFile } from "../infra/local/state.ts";
import { EXIT, OpsError } from "./errors.ts";

export interface StackTarget {
  stack: Stack;
  /** Base of the Worker's HTTP API, without a trailing slash. */
  url: string;
  /** The bootstrap secret, `API_SECRET`: admin of every tenant. */
  secret: string;
}

/**
 * The Worker of a stack.
 * @throws OpsError when the local platform is not running, or the environment of another stack is incomplete.
 */
export async function locateStack(stack: Stack, dataDir: string, env: NodeJS.ProcessEnv): Promise<StackTarget> {
  return stack === "local" ? locateLocal(dataDir) : locateRemote(stack, env);
}

async function locateLocal(dataDir: string): Promise<StackTarget> {
  const path = join(dataDir, "platform.json");
  let platform: string;
  try {
    platform = await readFile(path, "utf8");
  } catch (error) {
    throw notRunning(path, "the local platform is not running (it writes this file while it runs)", error);
  }
  try {
    const { pid, url, api_secret } = platformFile.parse(JSON.parse(platform));
    if (isAlive(pid)) return { stack: "local", url, secret: api_secret };
  } catch (error) {
    throw notRunning(path, "the folder is damaged or of another version", error);
  }
  throw notRunning(path, "the process it describes is gone", undefined);
}

function notRunning(path: string, cause: string, error: unknown): OpsError {
  return new OpsError(
    {
      op: "find the local platform in",
      subject: path,
      cause,
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

function locateRemote(stack: Stack, env: NodeJS.ProcessEnv): StackTarget {
  const missing = ["PRISM_URL", "PRISM_API_SECRET"].filter((name) => (env[name] ?? "") === "");
  const { PRISM_URL = "", PRISM_API_SECRET = "" } = env;
  if (missing.length > 0) {
    throw new OpsError(
      {
        op: "find stack",
        subject: stack,
        cause: `${missing.join(" and ")} not set`,
        hint: "export PRISM_URL=https://… PRISM_API_SECRET=… (the Worker's address and its API_SECRET)",
      },
      { exit_code: EXIT.usage },
    );
  }
  if (!URL.canParse(PRISM_URL)) {
    throw new OpsError(
      { op: "find stack", subject: stack, cause: `PRISM_URL is not a URL: ${PRISM_URL}`, hint: "include https://" },
      { exit_code: EXIT.usage },
    );
  }
  return { stack, url: PRISM_URL.replace(/\/$/, ""), secret: PRISM_API_SECRET };
}
