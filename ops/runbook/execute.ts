/** Runs the commands of one step in a shell of its own, through zx. */
import { delimiter, dirname, join } from "node:path";
import { RUNBOOK_KILL_AFTER_MS, RUNBOOK_OUTPUT_CHARS_KEPT } from "../limits.ts";
import { whileWaiting } from "../waits.ts";
import type { Step } from "./parse.ts";

const ROOT = join(import.meta.dirname, "../..");

export interface Execution {
  /** Null where a signal ended it. */
  exit_code: number | null;
  timed_out: boolean;
  /** The end of what it said, on both streams, without secrets. */
  output: string;
}

export interface Surroundings {
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  timeout_ms: number;
  /** A line without its secrets. */
  masked(line: string): string;
  on_line(line: string): void;
}

/** Commands run from the repository's folder, stop at the first that fails, and have nobody to ask. */
export async function execute(
  step: Step,
  { env, signal, timeout_ms, masked, on_line }: Surroundings,
): Promise<Execution> {
  const { shellWith } = await import("../programs.ts");
  // The Node.js that runs this also runs what a step calls by name; npm's own words about its scripts say nothing here.
  const PATH = [dirname(process.execPath), join(ROOT, "node_modules/.bin"), env.PATH].join(delimiter);
  const own = { ...env, PATH, npm_config_loglevel: "silent", NO_COLOR: "1" };
  // A process group of its own: what a step started ends with it, and Ctrl-C at the terminal comes to it once, through this command.
  const shell = shellWith({ cwd: ROOT, env: own, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const running = shell`bash -euo pipefail -c ${step.commands} 2>&1`;
  let timed_out = false;
  let lastChance: NodeJS.Timeout | undefined;
  const end = (): void => {
    kill(running.pid, "SIGTERM");
    lastChance ??= setTimeout(() => kill(running.pid, "SIGKILL"), RUNBOOK_KILL_AFTER_MS);
  };
  const limit = setTimeout(() => {
    timed_out = true;
    end();
  }, timeout_ms);
  signal.addEventListener("abort", end);
  let output = "";
  try {
    await whileWaiting({ for: `the step ${step.name}`, limit_ms: timeout_ms }, async () => {
      for await (const line of running) {
        const clean = masked(line);
        on_line(clean);
        output = `${output}${clean}\n`.slice(-RUNBOOK_OUTPUT_CHARS_KEPT);
      }
    });
    const { exitCode } = await running;
    return { exit_code: timed_out ? null : exitCode, timed_out, output };
  } finally {
    signal.removeEventListener("abort", end);
    clearTimeout(limit);
    clearTimeout(lastChance);
  }
}

/** Ends a process group, where it still is. */
function kill(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
