/** For tests: a command carried out in this process, with no process of its own to start; what it reports is held to its schema. */
import { z } from "zod";
import type { Command } from "./define.ts";
import { invocationOn } from "./invocation.fixture.ts";
import type { Invocation } from "./invocation.ts";

/** Runs `command` on the local stack in `data_dir`, confirmed; `data` is what `--json` would print. `over` takes the place of parts of its invocation. */
export async function invoked(
  command: Command,
  data_dir: string,
  given: Readonly<Record<string, unknown>> = {},
  over: Partial<Invocation> = {},
) {
  const outcome = await command.run(invocationOn(data_dir, { env: {}, ...over }), given);
  const { error } = command.output.safeParse(outcome.data);
  if (error) throw new Error(`ops ${command.path}: ${z.prettifyError(error)}`);
  return { ...outcome, data: JSON.parse(JSON.stringify(outcome.data)) };
}
