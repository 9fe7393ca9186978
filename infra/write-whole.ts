/** Files that other processes read while the one that writes may be killed at any time. */
import { renameSync, writeFileSync } from "node:fs";

/** Whole or not at all. Named by the process until then: two that write at once would rename each other's away. */
export function writeWhole(path: string, content: string | Uint8Array, options: { mode?: number } = {}): void {
  const unfinished = `${path}.${process.pid}.new`;
  writeFileSync(unfinished, content, options);
  renameSync(unfinished, path);
}
