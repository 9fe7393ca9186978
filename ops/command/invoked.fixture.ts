/** For tests: a command carried out in this process, with no process of its own to start; what it reports is held to its schema. */
import { z } from "zod";
import { locateStack } from "../stack/locate.ts";
import type { Command } from "./define.ts";
import type { Invocation } from "./invocation.ts";
import { createProgress } from "./progress.ts";

/** Runs `command` on the local stack in `data_dir`, confirmed; `data` is what `--json` would print. `over` takes the place of parts of its invocation. */
export async function invoked(
  command: Command,
  data_dir: string,
  given: Readonly<Record<string, unknown>> = {},
  over: Partial<Invocation> = {},
) {
  const { signal } = new AbortController();
  const outcome = await command.run(
    {
      stack: "local",
      data_dir,
      env: {},
      now: Date.now,
      dry_run: false,
      terminal: false,
      colour: false,
      progress: createProgress({ write: () => true }, () => performance.now()),
      signal,
      target: () => locateStack("local", data_dir, {}, signal),
      client: () => Promise.reject(new Error("no client in this test")),
      note: () => {},
      confirm: () => Promise.resolve(),
      begin: () => {},
      ...over,
    },
    given,
  );
  const { error } = command.output.safeParse(outcome.data);
  if (error) throw new Error(`ops ${command.path}: ${z.prettifyError(error)}`);
  return { ...outcome, data: JSON.parse(JSON.stringify(outcome.data)) };
}
