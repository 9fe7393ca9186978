/** For tests: `npm start` as processes of the test's own, and what they leave. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const MAIN = join(import.meta.dirname, "main.ts");
export const FREE_PORTS = ["--port", "0", "--api-port", "0"];
/** What starts nothing but an empty platform on ports of its own, and says where it is. */
export const EMPTY = [...FREE_PORTS, "--ephemeral", "--no-demo", "--json"];

export interface Run {
  child: ChildProcess;
  stdout: () => string;
  stderr: () => string;
  /** The ready line, parsed. */
  ready: Promise<Record<string, string>>;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** This run's own temporary folder, to see what it leaves there. */
  temp: string;
}

export class Starts {
  /** Where runs have their folders. */
  readonly scratch = mkdtempSync(join(tmpdir(), "prism-main-test-"));
  readonly #running = new Set<ChildProcess>();

  start(...flags: string[]): Run {
    return this.startBy([process.execPath, MAIN], ...flags);
  }

  /** `command` starts the platform, with the flags behind it. */
  startBy([program = "", ...words]: string[], ...flags: string[]): Run {
    const temp = mkdtempSync(join(this.scratch, "tmp-"));
    // A process group of its own, as a terminal makes one.
    const env = { ...process.env, TMPDIR: temp };
    const child = spawn(program, [...words, ...flags], { env, cwd: this.scratch, detached: true });
    this.#running.add(child);
    const output = { stdout: "", stderr: "" };
    const ready = Promise.withResolvers<Record<string, string>>();
    ready.promise.catch(() => {});
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output.stdout += text;
      // npm says first what it runs.
      const line = /^\{.*$/m.exec(output.stdout)?.[0];
      if (output.stdout.endsWith("\n") && line !== undefined) ready.resolve(JSON.parse(line));
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output.stderr += text;
    });
    const ended = once(child, "close").then(([code, signal]) => {
      this.#running.delete(child);
      ready.reject(new Error(`ended with ${code ?? signal} before it was ready: ${output.stderr}`));
      return { code, signal };
    });
    return { child, stdout: () => output.stdout, stderr: () => output.stderr, ready: ready.promise, ended, temp };
  }

  /** Ends what a test that failed left running. */
  async stop(): Promise<void> {
    for (const child of this.#running) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  }

  remove(): void {
    rmSync(this.scratch, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Whatever starts the platform and whatever signal ends that: no process is left. */
  async leaveNothing(ends: readonly [by: string[], signal: NodeJS.Signals][]): Promise<void> {
    await Promise.all(
      ends.map(async ([by, signal]) => {
        const run = this.startBy(by);
        await run.ready;
        run.child.kill(signal);
        await until(() => processesOf(run).length === 0);
        await run.ended;
      }),
    );
  }
}

/** Processes of a run that live, main process apart: all inherit its temporary folder's name. */
export function processesOf({ temp, child }: Run): number[] {
  return readdirSync("/proc").flatMap((entry) => {
    try {
      const mine = Number(entry) !== child.pid && readFileSync(`/proc/${entry}/environ`, "utf8").includes(temp);
      return mine ? [Number(entry)] : [];
    } catch {
      return [];
    }
  });
}

/** Seldom enough that looking through all processes takes no time from those who are waited for. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 100));
}

/** `npm start` of this checkout, wherever it is called. */
export const NPM_START = ["npm", "--prefix", join(import.meta.dirname, ".."), "start", "--", ...EMPTY];
