/** Carrying a command out: what it is given is made here from its shell, and around it come confirmation, printing and the audit record. */
import type { Stack } from "../../infra/inventory.ts";
import { nowOf } from "../clock.ts";
import { REQUEST_TIMEOUT_MS } from "../limits.ts";
import { createClient } from "../service/client.ts";
import { locateStack } from "../stack/locate.ts";
import type { StackTarget } from "../stack/target.ts";
import { watchWaits } from "../waits.ts";
import { addressed, addressedAdvice, type Whereabouts } from "./addressed.ts";
import { reportAction } from "./audit-trail.ts";
import type { Command } from "./define.ts";
import { asOpsError, EXIT, outcomeOf, refusal } from "./errors.ts";
import type { Invocation, Outcome } from "./invocation.ts";
import { type JournalEntry, recordAction } from "./journal.ts";
import { harmlessJson, harmlessLines, harmlessScreen, usesColour } from "./output.ts";
import { createProgress } from "./progress.ts";
import type { Shell } from "./shell.ts";

/** The options that every command has; `--dry-run` and `--yes` come with its risk. */
export interface GlobalOptions {
  json: boolean;
  stack: Stack;
  data: string;
  /** Milliseconds for the whole command; undefined = no deadline of its own. */
  timeout?: number;
  verbose: boolean;
  dryRun?: boolean;
  yes?: boolean;
}

/** Ctrl-C, a supervisor, and a terminal that was closed: what a command has begun is ended in order, and written down. */
const INTERRUPTIONS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Runs a command, prints what it reports and returns its exit code; `where` as it was typed. Errors pass through to `run-words.ts`, after the audit record. */
export async function perform(
  command: Command,
  options: GlobalOptions,
  given: Readonly<Record<string, unknown>>,
  shell: Shell,
  where: Whereabouts,
): Promise<number> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort(new DOMException("interrupted", "AbortError"));
  for (const sent of INTERRUPTIONS) process.once(sent, interrupt);
  const signal =
    options.timeout === undefined
      ? interrupted.signal
      : AbortSignal.any([interrupted.signal, AbortSignal.timeout(options.timeout)]);
  const stderr = heardStream(shell, where);
  const stopWatching = watchWaits({ now: Date.now, heard_ms: stderr.heard_ms, tell: stderr.line });
  try {
    const { data, text, stream = [], exit_code } = await audited(command, options, shell, stderr, signal, given);
    for await (const line of stream) if (!options.json) shell.stdout.write(`${harmlessScreen(line)}\n`);
    shell.stdout.write(
      `${options.json ? harmlessJson(data, addressedAdvice(where)) : harmlessScreen(addressed(text, where))}\n`,
    );
    return exit_code ?? EXIT.done;
  } finally {
    stopWatching();
    for (const sent of INTERRUPTIONS) process.removeListener(sent, interrupt);
  }
}

/** The way out for news, and when it was last used. */
function heardStream({ stdout, stderr }: Shell, where: Whereabouts) {
  let last_ms = Date.now();
  const write = (text: string): void => {
    last_ms = Date.now();
    stderr.write(text);
  };
  return {
    isTTY: stderr.isTTY === true,
    write,
    line: (text: string) => write(`${harmlessLines(addressed(text, where))}\n`),
    /** What is written to the terminal itself is heard as well. */
    beside: (text: string) => {
      last_ms = Date.now();
      stdout.write(text);
    },
    heard_ms: () => last_ms,
  };
}

/** The command's work, with an audit record of what it came to, unless it could not change anything. */
async function audited(
  command: Command,
  options: GlobalOptions,
  shell: Shell,
  stderr: ReturnType<typeof heardStream>,
  signal: AbortSignal,
  given: Readonly<Record<string, unknown>>,
): Promise<Outcome<unknown>> {
  const { invocation, begun } = invoke(options, shell, stderr, signal);
  if (command.risk === "read" || invocation.dry_run) return await command.run(invocation, given);
  const record = async (outcome: JournalEntry["outcome"], detail: JournalEntry["detail"]) => {
    const entry = { stack: options.stack, action: command.path, outcome, detail: { ...begun(), ...detail } };
    const now_ms = invocation.now();
    // What was done is done, whether or not this machine can write it down.
    await recordAction(options.data, entry, now_ms).catch((error: unknown) =>
      invocation.note(`Warning: the journal of ${options.data} lacks this action: ${String(error)}`),
    );
    await reportAction(invocation, entry, now_ms);
  };
  let came: Outcome<unknown>;
  try {
    came = await command.run(invocation, given);
  } catch (thrown) {
    const { message, exit_code } = asOpsError(thrown);
    if (begun() !== null) await record(outcomeOf(exit_code), { cause: message });
    throw thrown;
  }
  if (came.audit === null) return came;
  await record(came.audit?.outcome ?? outcomeOf(came.exit_code ?? EXIT.done), came.audit?.detail ?? {});
  return came;
}

/** `begun`: what is known of the change that has begun; null before, when nothing can have been changed. */
function invoke(
  options: GlobalOptions,
  shell: Shell,
  stderr: ReturnType<typeof heardStream>,
  signal: AbortSignal,
): { invocation: Invocation; begun: () => JournalEntry["detail"] | null } {
  const { env } = shell;
  const terminal = shell.stdout.isTTY === true && !options.json;
  let begun: JournalEntry["detail"] | null = null;
  const begin = (detail: JournalEntry["detail"]): void => {
    begun = { ...begun, ...detail };
  };
  const target = async (): Promise<StackTarget> => {
    const found = await locateStack(options.stack, options.data, env, signal);
    begin({});
    return found;
  };
  const ask = terminal && shell.stdin.isTTY ? (question: string) => answered(shell, question, signal) : null;
  const invocation: Invocation = {
    stack: options.stack,
    data_dir: options.data,
    env,
    now: nowOf(options.stack, env),
    dry_run: options.dryRun === true,
    terminal,
    colour: !options.json && usesColour(shell.stdout, env),
    progress: createProgress(stderr, () => performance.now()),
    signal,
    target,
    client: async () => {
      const { url, secret } = await (await target()).service();
      const timeout_ms = Math.min(options.timeout ?? REQUEST_TIMEOUT_MS, REQUEST_TIMEOUT_MS);
      return createClient({ url, token: secret, signal, timeout_ms });
    },
    note: stderr.line,
    show: stderr.beside,
    ask,
    confirm: async (change) => {
      const isConfirmed = options.yes === true || (await ask?.(`${change.op} ${change.subject}? Type yes: `)) === "yes";
      if (!isConfirmed)
        throw refusal({
          ...change,
          cause: "not confirmed",
          hint: "add --yes to go ahead, or --dry-run to see what would happen",
          reason: "unconfirmed",
        });
      begin({});
    },
    begin,
  };
  return { invocation, begun: () => begun };
}

async function answered({ stdin, stderr }: Shell, question: string, signal: AbortSignal): Promise<string> {
  // Loaded on use: few commands ask.
  const { createInterface } = await import("node:readline/promises");
  const prompt = createInterface({ input: stdin, output: stderr });
  // Where it is asked, the terminal gives Ctrl-C to the prompt alone: it means the command.
  prompt.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  // Of a terminal that is gone no answer comes, and readline says nothing of it.
  const gone = new AbortController();
  prompt.once("close", () => gone.abort(new DOMException("interrupted", "AbortError")));
  try {
    return (await prompt.question(question, { signal: AbortSignal.any([signal, gone.signal]) })).trim();
  } finally {
    prompt.close();
  }
}
