/** A process whose time and memory are measured from outside, as whoever waits for it sees them. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { OpsError } from "../command/errors.ts";
import { CHILD_POLL_MS } from "../limits.ts";

export interface MeasuredChild {
  seconds: number;
  stdout: string;
  /** The most that was in memory at once; null where there is no /proc. */
  peak_rss_mb: number | null;
}

interface ChildOptions {
  signal: AbortSignal;
  /** Bytes for its standard input, by path. */
  stdin_fd?: number;
  /** Where its standard output goes instead of into `stdout`. */
  stdout_fd?: number;
  env?: Record<string, string>;
}

/** @throws OpsError with its last words when it ends with anything but 0. */
export async function measureChild(
  program: string,
  words: readonly string[],
  { signal, stdin_fd, stdout_fd, env = {} }: ChildOptions,
): Promise<MeasuredChild> {
  // What earlier steps left to be written must not be this one's to wait for. Where there is no such program, it is.
  spawnSync("sync");
  const began_ms = performance.now();
  const child = spawn(program, words, {
    stdio: [stdin_fd ?? "ignore", stdout_fd ?? "pipe", "pipe"],
    env: { ...process.env, ...env },
    signal,
  });
  let peak_rss_mb: number | null = null;
  // The kernel keeps the peak, but only as long as the process lives.
  const poll = setInterval(() => {
    peak_rss_mb = peakOf(child.pid) ?? peak_rss_mb;
  }, CHILD_POLL_MS);
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-2_000);
  });
  try {
    const [code]: (number | null)[] = await once(child, "close");
    const seconds = (performance.now() - began_ms) / 1000;
    if (code === 0) return { seconds, stdout, peak_rss_mb };
    throw new OpsError({
      op: "run",
      subject: [program, ...words.slice(0, 4)].join(" "),
      cause: `it ended with ${code}: ${(stderr || stdout).trim().slice(-500)}`,
      hint: "run it by itself to see more",
    });
  } finally {
    clearInterval(poll);
  }
}

/** The most memory a living process has had at once, in MB; null where there is no /proc. */
export function peakOf(pid: number | null | undefined): number | null {
  try {
    const kilobytes = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kilobytes === undefined ? null : Math.round(Number(kilobytes) / 1024);
  } catch {
    return null;
  }
}
