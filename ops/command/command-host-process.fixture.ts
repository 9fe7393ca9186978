/**
 * For tests: a process that carries out one command after another, each as `cli.ts` would, down to its end: a command has ended when
 * nothing of it keeps the process any more. That is half a second of CPU less than a process for each.
 */
import { z } from "zod";
// Looks for bash when it is loaded: here, before an order's environment takes PATH away.
import "zx/core";
import { END_OF_RUN } from "./command-host.fixture.ts";
import { runWords } from "./run-words.ts";
import { silentShell } from "./silent-shell.fixture.ts";

const order = z.strictObject({ args: z.array(z.string()), env: z.record(z.string(), z.string()) });
const { stdout, stderr } = process;

process.on("message", async (message) => {
  const { args, env } = order.parse(message);
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env);
  const code = await runWords(args, { env: process.env, stdin: silentShell(env).stdin, stdout, stderr });
  while (process.getActiveResourcesInfo().length > own) await new Promise((look) => setTimeout(look, 1));
  for (const way of [stdout, stderr]) way.write(END_OF_RUN);
  process.send?.(code);
});
/** How much keeps the process without a command: its channel and its pipes. */
const own = process.getActiveResourcesInfo().length;
