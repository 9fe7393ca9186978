/** For tests: the CLI as a shell starts it, a process of its own in which nothing is a terminal. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { commandAt } from "../registry.ts";
import { runOnHost } from "./command-host.fixture.ts";
import { pathIn } from "./command-line.ts";
import { REASONS } from "./errors.ts";
import { runWords } from "./run-words.ts";
import { silentShell } from "./silent-shell.fixture.ts";

export interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

/** How far a command is and what it waits for, as `progressLine` and `waitLine` say it: who is slow hears it. */
const HOW_FAR = /^(?:.*: \d+\/\d+ \(\d+ %\).*|Waiting for \d+ s for .*)$/;

/** The lines of stderr that a command prints however fast it is. */
export function newsIn(stderr: string): string[] {
  return stderr.split("\n").filter((line) => line !== "" && !HOW_FAR.test(line));
}

/**
 * A file for each command whose `--json` a test has seen a process print, and in it the run of tests that saw it last, which may be several
 * processes: `.ci/run` asks at its end which ones nobody saw.
 */
const JSON_SEEN = join(import.meta.dirname, "../../node_modules/.cache/prism-json-seen");
const { PRISM_TEST_RUN = "" } = process.env;

/** What `npm run ops` sets, too: the next process need not compile again. */
export const COMPILED = { NODE_COMPILE_CACHE: join(import.meta.dirname, "../../node_modules/.cache/compiled") };

const refusal = z.strictObject({
  error: z.strictObject({
    op: z.string(),
    subject: z.string(),
    cause: z.string(),
    hint: z.string(),
    reason: z.enum(REASONS).nullable(),
  }),
});

/**
 * Runs `ops` with these words and only the given PRISM_* variables.
 * @throws where `--json` printed something that is not of the schema that the command declares.
 */
export async function runCli(args: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  const run = await new Promise<Run>((resolve) => {
    const cli = join(import.meta.dirname, "../cli.ts");
    const options = { env: { ...cleanEnvironment(env), ...COMPILED } };
    const child = execFile(process.execPath, [cli, ...args], options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
  return seen(args, run);
}

/**
 * The same, in this process, but for the command's first `--json`, which a process prints that carries out nothing but commands: one for
 * each costs half a second of CPU. Not for what only a process of its own has: its end, its signals, and `PRISM_STACK` and `PRISM_DATA`,
 * which commander takes from it.
 */
export async function runCommand(args: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  if (args.includes("--json") && !isSeen(pathIn(args)))
    return seen(args, await runOnHost(args, { ...cleanEnvironment(env), ...COMPILED }));
  const shell = silentShell(cleanEnvironment(env));
  const code = await runWords(args, shell);
  const run = { code, stdout: shell.stdout.read() ?? "", stderr: shell.stderr.read() ?? "" };
  await checkJson(args, run.stdout);
  return run;
}

/** Holds what a process printed to its schema, and remembers that the command's `--json` was seen. */
async function seen(args: readonly string[], run: Run): Promise<Run> {
  const path = await checkJson(args, run.stdout);
  if (path !== undefined) {
    mkdirSync(JSON_SEEN, { recursive: true });
    writeFileSync(seenFile(path), PRISM_TEST_RUN);
  }
  return run;
}

function seenFile(path: string): string {
  return join(JSON_SEEN, path.replaceAll(" ", "-"));
}

function isSeen(path: string | undefined): boolean {
  try {
    return path === undefined || readFileSync(seenFile(path), "utf8") === PRISM_TEST_RUN;
  } catch {
    return false;
  }
}

function cleanEnvironment(env: Record<string, string>) {
  return { ...process.env, PRISM_URL: "", PRISM_API_SECRET: "", DEBUG: "", ...env };
}

/** Returns the command whose `--json` was of its schema; undefined where there was none, or a refusal. */
async function checkJson(args: readonly string[], stdout: string): Promise<string | undefined> {
  if (!args.includes("--json") || stdout === "") return;
  const printed = JSON.parse(stdout);
  const path = pathIn(args);
  const schema = refusal.safeParse(printed).success || path === undefined ? refusal : (await commandAt(path)).output;
  const { error } = schema.safeParse(printed);
  if (error) throw new Error(`ops ${args.join(" ")} --json: ${z.prettifyError(error)}\n${stdout}`);
  return schema === refusal ? undefined : path;
}
