/**
 * Ends workerd when this process dies without a chance to: workerd does not notice that its parent is gone, and
 * would keep the databases open and the machine busy.
 *
 * One shell for the process, in a session of its own, so that a Ctrl-C meant for us does not end it first. It reads
 * lists of process ids; when its input ends, those of the last list that are still workerd are killed: a number may be somebody else's
 * by then. On a machine without /proc or sh there is none.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const SCRIPT = `pids=""; while read -r line; do pids=$line; done
for pid in $pids; do read -r name < /proc/$pid/comm && [ "$name" = workerd ] && kill -9 $pid; done`;

let shell: ChildProcess | null = null;

/** Process ids of all workerds that this process started. Empty where /proc is absent. */
export function workerdPids(): number[] {
  try {
    return readdirSync("/proc").flatMap((entry) => (/^\d+$/.test(entry) && isOurWorkerd(entry) ? [Number(entry)] : []));
  } catch {
    return [];
  }
}

function isOurWorkerd(pid: string): boolean {
  try {
    const [, name, parent] = /^\d+ \((.*)\) [^Z] (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    return name === "workerd" && Number(parent) === process.pid;
  } catch {
    // It ended while we looked.
    return false;
  }
}

/** Tells the watchdog what runs now; to be called whenever workerd was started or stopped. */
export function updateWatchdog(): void {
  const pids = workerdPids();
  if (!shell) {
    if (pids.length === 0) return;
    shell = spawn("/bin/sh", ["-c", SCRIPT], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
    shell.on("error", () => {});
    shell.stdin?.on("error", () => {});
    shell.unref();
    (shell.stdin as unknown as { unref(): void } | null)?.unref();
  }
  shell.stdin?.write(`${pids.join(" ")}\n`);
}
