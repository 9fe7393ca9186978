/**
 * What every command is given: the stack, the way out, the deadline. `cli.ts` declares the global options that
 * this reads; a command file never looks at `process`.
 */
import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import type { Stack } from "../../infra/inventory.ts";
import { REQUEST_TIMEOUT_MS } from "../limits.ts";
import { type Client, createClient } from "../service/client.ts";
import { locateStack, type StackTarget } from "../stack/locate.ts";
import { EXIT, type ExitCode, OpsError } from "./errors.ts";
import { type Report, usesColour } from "./output.ts";
import { createProgress, type Progress } from "./progress.ts";

/** The options of `cli.ts` that every command has. */
export interface GlobalOptions {
  json: boolean;
  stack: Stack;
  data: string;
  /** Milliseconds for the whole command; undefined = no deadline of its own. */
  timeout?: number;
  verbose: boolean;
}

export interface Invocation {
  stack: Stack;
  /** Data folder of the local platform. */
  data_dir: string;
  /** True where stdout is a terminal and no JSON was asked for: tables are drawn, confirmation can be asked. */
  terminal: boolean;
  colour: boolean;
  progress: Progress;
  /** Aborts at the deadline and at Ctrl-C. Work that must be undone first watches it. */
  signal: AbortSignal;
  target(): Promise<StackTarget>;
  /** The stack's HTTP API with the bootstrap secret. */
  client(): Promise<Client>;
  /** A plain line of news on stderr. */
  note(text: string): void;
}

/** A report and, where it is not 0, the exit code that it means. */
export interface Outcome extends Report {
  exit_code?: ExitCode;
}

/** Runs a command's work and prints what it reports. Errors pass through to `cli.ts`. */
export async function perform(command: Command, work: (invocation: Invocation) => Promise<Outcome>): Promise<void> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort(new DOMException("interrupted", "AbortError"));
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  const signal =
    options.timeout === undefined
      ? interrupted.signal
      : AbortSignal.any([interrupted.signal, AbortSignal.timeout(options.timeout)]);
  const target = (): Promise<StackTarget> => locateStack(options.stack, options.data, process.env, signal);
  try {
    const { data, text, exit_code } = await work({
      stack: options.stack,
      data_dir: options.data,
      terminal: process.stdout.isTTY === true && !options.json,
      colour: !options.json && usesColour(process.stdout, process.env),
      progress: createProgress(process.stderr, () => performance.now()),
      signal,
      target,
      client: async () => {
        const { url, secret } = await target();
        const timeout_ms = Math.min(options.timeout ?? REQUEST_TIMEOUT_MS, REQUEST_TIMEOUT_MS);
        return createClient({ url, token: secret, signal, timeout_ms });
      },
      note: (line) => process.stderr.write(`${line}\n`),
    });
    process.stdout.write(`${options.json ? JSON.stringify(data) : text}\n`);
    process.exitCode = exit_code ?? EXIT.done;
  } finally {
    process.removeListener("SIGINT", interrupt);
    process.removeListener("SIGTERM", interrupt);
  }
}

/**
 * Passes when `yes` was given or a person at the terminal types it.
 * @throws OpsError with exit code 3 otherwise: a machine never confirms by accident.
 */
export async function confirm(
  invocation: Invocation,
  change: { op: string; subject: string },
  yes: boolean,
): Promise<void> {
  if (yes) return;
  if (invocation.terminal && process.stdin.isTTY) {
    const prompt = createInterface({ input: process.stdin, output: process.stderr });
    const answer = await prompt.question(`${change.op} ${change.subject}? Type yes: `, { signal: invocation.signal });
    prompt.close();
    if (answer.trim() === "yes") return;
  }
  throw new OpsError(
    { ...change, cause: "not confirmed", hint: "add --yes to go ahead, or --dry-run to see what would happen" },
    { exit_code: EXIT.refused },
  );
}
