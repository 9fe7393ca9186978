/** For tests: what `perform.ts` gives a command, on a platform of the test, so that a command runs in the test's own process. */
import type { Platform } from "../../local/platform.ts";
import { createClient } from "../service/client.ts";
import type { StackTarget } from "../stack/target.ts";
import type { Invocation } from "./invocation.ts";
import { createProgress } from "./progress.ts";

type Reached = Pick<Platform, "url" | "api_secret" | "api_url" | "s3_url" | "account_id" | "api_token">;

/** As on stack `local`, where nothing is a terminal and everything is confirmed. `target` finds what the platform really has. */
export function invocationOn(
  platform: Reached,
  target: () => Promise<StackTarget>,
  changes: Partial<Invocation> = {},
): Invocation & { notes: string[] } {
  const { signal } = new AbortController();
  const notes: string[] = [];
  return {
    notes,
    stack: "local",
    data_dir: "",
    env: {},
    now: Date.now,
    dry_run: false,
    terminal: false,
    colour: false,
    progress: createProgress({ write: () => true }, () => 0),
    signal,
    target,
    client: async () => createClient({ url: platform.url, token: platform.api_secret, signal }),
    note: (text) => void notes.push(text),
    confirm: async () => {},
    begin: () => {},
    ...changes,
  };
}
