/** For tests: the CLI as a shell starts it, a process of its own in which nothing is a terminal. */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { commandAt } from "../registry.ts";
import { pathIn } from "./command-line.ts";
import { REASONS } from "./errors.ts";

export interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

/** A file for each command whose `--json` a test has seen: `.ci/run` asks at its end which ones nobody saw. */
const JSON_SEEN = join(import.meta.dirname, "../../node_modules/.cache/prism-json-seen");

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
    const clean = { ...process.env, ...COMPILED, PRISM_URL: "", PRISM_API_SECRET: "", DEBUG: "" };
    const cli = join(import.meta.dirname, "../cli.ts");
    const child = execFile(process.execPath, [cli, ...args], { env: { ...clean, ...env } }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
  if (args.includes("--json") && run.stdout !== "") await checkJson(args, run.stdout);
  return run;
}

async function checkJson(args: readonly string[], stdout: string): Promise<void> {
  const printed = JSON.parse(stdout);
  const path = pathIn(args);
  const schema = refusal.safeParse(printed).success || path === undefined ? refusal : (await commandAt(path)).output;
  const { error } = schema.safeParse(printed);
  if (error) throw new Error(`ops ${args.join(" ")} --json: ${z.prettifyError(error)}\n${stdout}`);
  if (schema === refusal || path === undefined) return;
  mkdirSync(JSON_SEEN, { recursive: true });
  writeFileSync(join(JSON_SEEN, path.replaceAll(" ", "-")), "");
}
