/** For tests: a session on a local platform that runs in this process. It says nothing while it works. */
import type { Platform } from "../../local/platform.ts";
import { localDriver } from "../../local/pulumi/local-driver.ts";
import { createProgress } from "../command/progress.ts";
import { locateStack } from "../stack/locate.ts";
import { openSession } from "./stores.ts";

/** `folder`: the platform's data. */
export async function platformSession(platform: Platform, folder: string): ReturnType<typeof openSession> {
  const { signal } = new AbortController();
  return openSession({
    target: await locateStack("local", folder, process.env, signal),
    driver: localDriver({ data_dir: folder, platform, signal }),
    progress: createProgress({ write: () => true }, () => performance.now()),
    signal,
    now: Date.now,
    note: () => {},
  });
}
