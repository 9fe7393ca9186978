/** Which machine this is, for what is written down of who is at work: a number of a process says nothing to another machine. */
import { readFileSync, readlinkSync } from "node:fs";

/** This start of this system and its process numbers (a container beside it has others); null where that cannot be told. */
export const MACHINE = ((): string | null => {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return null;
  }
})();

/** Whether it is a process of this machine that is gone: its next run goes on at once. Of one of another machine nothing is known here. */
export function diedHere({ machine, pid }: { machine: string | null; pid: number }): boolean {
  return machine !== null && machine === MACHINE && !isAlive(pid);
}

/** Signal 0 only asks; EPERM means that the process exists under another user. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
