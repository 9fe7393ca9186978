/** For tests: the invocation of a command on a platform of the test, with what it noted. */
import type { Platform } from "../../local/platform.ts";
import { createClient } from "../service/client.ts";
import type { StackTarget } from "../stack/target.ts";
import { invocationOn } from "./invocation.fixture.ts";
import type { Invocation } from "./invocation.ts";

type Reached = Pick<Platform, "url" | "api_secret">;

/** As `invocationOn`; `target` finds what the platform really has. */
export function invocationOnPlatform(
  platform: Reached,
  target: () => Promise<StackTarget>,
  changes: Partial<Invocation> = {},
): Invocation & { notes: string[] } {
  const { signal } = new AbortController();
  const notes: string[] = [];
  const client = async () => createClient({ url: platform.url, token: platform.api_secret, signal });
  const note = (text: string) => void notes.push(text);
  return { notes, ...invocationOn("", { env: {}, signal, target, client, note, ...changes }) };
}
