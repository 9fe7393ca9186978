/**
 * Where a run of tests has its temporary files: in memory, where the machine has the room and nobody chose a place (`TMPDIR`).
 *
 * Every platform makes its writes last (fsync), and no test loses power: on a disk, a large part of a run is waiting for that.
 */
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";

/** Linux keeps in memory what is in here. Short: the path of a socket may have a hundred bytes. */
const IN_MEMORY = "/dev/shm";
const TMPFS = 0x01021994;
/** The files of a run, and what its processes need beside them. A container's default are 64 MiB. */
const ROOM_BYTES_MIN = 2 * 1024 ** 3;

/** Vitest calls it before it starts the first worker, and what it returns after the last one. */
export default function useMemory(): (() => void) | undefined {
  if ((process.env.TMPDIR ?? "") !== "" || !hasRoom()) return;
  const folder = mkdtempSync(join(IN_MEMORY, "prism-"));
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

function hasRoom(): boolean {
  try {
    const { type, bavail, bsize } = statfsSync(IN_MEMORY);
    return type === TMPFS && Math.min(bavail * bsize, process.availableMemory()) >= ROOM_BYTES_MIN;
  } catch {
    return false;
  }
}
