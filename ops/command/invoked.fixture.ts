/** For tests: a command carried out in this process, with no process of its own to start; what it reports is held to its schema. */
import { z } from "zod";
import type { Command } from "./define.ts";
import { invocationOn } from "./invocation.fixture.ts";
import type { Invocation, Outcome } from "./invocation.ts";

interface Invoked extends Outcome<unknown> {
  // biome-ignore lint/suspicious/noExplicitAny: tests index into JSON whose shape the schema has checked.
  data: any;
}

/** Runs `command` on the local stack in `data_dir`, confirmed. `over` takes the place of parts of its invocation. */
export async function invoked(
  command: Command,
  data_dir: string,
  given: Readonly<Record<string, unknown>> = {},
  over: Partial<Invocation> = {},
): Promise<Invoked> {
  const outcome = await command.run(invocationOn(data_dir, { env: {}, ...over }), given);
  const { error } = command.output.safeParse(outcome.data);
  if (error) throw new Error(`ops ${command.path}: ${z.prettifyError(error)}`);
  return outcome as Invoked;
}
