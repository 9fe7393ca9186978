/**
 * Who did what to a stack, one JSON line each, in the data folder: the record of an action is written where the action ran.
 * Lines are only ever added.
 */
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Stack } from "../../infra/inventory.ts";
import { makeFolder } from "../storage/make-folder.ts";
import { actorName } from "./actor.ts";

export interface JournalEntry {
  stack: Stack;
  /** `deploy`, `rollback`, `migrate apply` … */
  action: string;
  outcome: "done" | "done in part" | "rolled back" | "refused" | "failed";
  /** What it was done to, and how it went. No secrets. */
  detail: Record<string, unknown>;
}

/** Adds an entry. `now_ms` since the epoch. */
export async function recordAction(dataDir: string, entry: JournalEntry, now_ms: number): Promise<void> {
  makeFolder(dataDir);
  const line = { at: new Date(now_ms).toISOString(), actor: actorName(), ...entry };
  const file = await open(join(dataDir, "journal.jsonl"), "a+", 0o600);
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    // A process that was killed may have left half a line: it stays, on a line of its own.
    const begin = size > 0 && last.toString() !== "\n" ? "\n" : "";
    await file.appendFile(`${begin}${JSON.stringify(line)}\n`);
  } finally {
    await file.close();
  }
}
