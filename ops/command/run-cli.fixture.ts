/** For tests: the CLI as a shell starts it, a process of its own in which nothing is a terminal. */
import { execFile } from "node:child_process";
import { join } from "node:path";

export interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

/** What `npm run ops` sets, too: the next process need not compile again. */
export const COMPILED = { NODE_COMPILE_CACHE: join(import.meta.dirname, "../../node_modules/.cache/compiled") };

/** Runs `ops` with these words and only the given PRISM_* variables. */
export function runCli(args: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  return new Promise((resolve) => {
    const clean = { ...process.env, ...COMPILED, PRISM_URL: "", PRISM_API_SECRET: "", DEBUG: "" };
    const cli = join(import.meta.dirname, "../cli.ts");
    const child = execFile(process.execPath, [cli, ...args], { env: { ...clean, ...env } }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}
