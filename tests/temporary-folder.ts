/**
 * Where a run of tests has its temporary files: in memory, where the machine has the room and nobody chose a place (`TMPDIR`).
 *
 * Every platform makes its writes last (fsync), and no test loses power: on a disk, a large part of a run is waiting for that.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";

/** Linux keeps in memory what is in here. Short: the path of a socket may have a hundred bytes. */
const IN_MEMORY = "/dev/shm";
/** The files of a run, and what its processes need beside them. A container's default are 64 MiB. */
const ROOM_BYTES_MIN = 2 * 1024 ** 3;

/** Vitest calls it before it starts the first worker, and what it returns after the last one. */
export default function useMemory(): (() => void) | undefined {
  if ((process.env.TMPDIR ?? "") !== "" || !hasRoom()) return;
  const folder = mkdtempSync(join(IN_MEMORY, "prism-"));
  // Like any such folder: a test gives its privileges up, and still has its files in here.
  chmodSync(folder, 0o1777);
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Also for programs: containers may forbid to run what is in there, which tests do. */
function hasRoom(): boolean {
  try {
    const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
    const [, , type, options = ""] = mounts.map((line) => line.split(" ")).find(([, path]) => path === IN_MEMORY) ?? [];
    const { bavail, bsize } = statfsSync(IN_MEMORY);
    const room_bytes = Math.min(bavail * bsize, process.availableMemory());
    return type === "tmpfs" && !options.split(",").includes("noexec") && room_bytes >= ROOM_BYTES_MIN;
  } catch {
    return false;
  }
}
