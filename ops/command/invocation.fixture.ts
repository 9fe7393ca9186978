/** For tests: what a command is given, made without a process of its own. */
import { locateStack } from "../stack/locate.ts";
import type { Invocation } from "./invocation.ts";
import { createProgress } from "./progress.ts";

/** On the local platform of `data_dir`; silent, confirmed, with nobody to ask, unless `own` says otherwise. */
export function invocationOn(data_dir: string, own: Partial<Invocation> = {}): Invocation {
  const { signal = new AbortController().signal, env = process.env } = own;
  return {
    stack: "local",
    data_dir,
    env,
    now: Date.now,
    dry_run: false,
    terminal: false,
    colour: false,
    progress: createProgress({ write: () => {} }, () => 0),
    signal,
    target: () => locateStack("local", data_dir, env, signal),
    client: () => Promise.reject(new Error("nobody asks the service")),
    note: () => {},
    show: () => {},
    ask: null,
    confirm: async () => {},
    begin: () => {},
    ...own,
  };
}
