/** Folders, made where they are missing. */
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes the folder and those above it; returns the first that was missing, undefined where none was. Step by step: Node.js' own
 * `recursive` never ends where the system says that there is no such folder, and its parent is there (below /proc, for one).
 *
 * @throws what the system says.
 */
export function makeFolder(folder: string, mode = 0o777): string | undefined {
  try {
    mkdirSync(folder, { mode });
    return folder;
  } catch (error) {
    if (isFolder(folder)) return undefined;
    const isOrphan = (error as NodeJS.ErrnoException).code === "ENOENT" && !isFolder(dirname(folder));
    if (!isOrphan) throw error;
    const first = makeFolder(dirname(folder), mode);
    const own = makeFolder(folder, mode);
    return first ?? own;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
