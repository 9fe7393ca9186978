/**
 * What a restore writes down as it goes, in the bucket of the vector packs: how far it is, so that the same command goes on from
 * there, and what it replaced, so that it can be undone.
 */
import { z } from "zod";
import { keyValueEntry } from "../backup/snapshot/config-namespace.ts";
import { readKept } from "../generation/record.ts";
import { absent, readJson, type Storage } from "../storage/storage.ts";
import { failedCheck } from "./derived-checks.ts";

const RECORD = "generations/restore.json";

const indexVersions = z.array(z.tuple([z.string(), z.number()])).nullable();
const move = z.object({ from: z.number(), to: z.number() });

const record = z.object({
  /** `generation`: other stores took over. `in place`: the live database was moved back or written over. */
  method: z.enum(["generation", "in place"]),
  /** What is restored: a snapshot's id, or a bookmark of Time Travel. */
  source: z.string(),
  /** Where its snapshot is, as `--repository` takes it, without credentials; null: the stack's own repository. */
  repository: z.string().nullable().default(null),
  /** The moment whose state that is. */
  state_at: z.string(),
  /**
   * `begun`: the live stores are what they were, or are being changed in place. `stores`: database and index are done.
   * `given up`: before anything was switched.
   */
  phase: z.enum(["begun", "stores", "done", "undone", "given up"]),
  begun_at_ms: z.number(),
  /** Whether there was a live database, which is what an undo goes back to. Absent in records of earlier releases. */
  had_live: z.boolean().optional(),
  /** Live before. */
  before: z.object({ database: z.number(), vectors: z.number() }),
  /** Set when other generations took over. */
  moved: z.object({ database: move, vectors: move }).nullable(),
  /** Time Travel bookmark of the live database from before; null where it was gone. */
  bookmark: z.string().nullable(),
  /** The snapshot that was made of what was there, for a restore in place. */
  snapshot_before: z.string().nullable(),
  /** A restore in place has emptied the database. */
  emptied: z.boolean(),
  /**
   * Migrations that had run on the database which a restore in place is about to change: the deployed Worker needs them, and what is moved back
   * or emptied does not tell them any more. Null for new generations, and in records of earlier releases.
   */
  needs: z.array(z.string()).nullable().default(null),
  /** Of the database that an undo is about to move back: the same, and how far its index versions had come. */
  undo_from: z
    .object({ needs: z.array(z.string()), index_versions: indexVersions })
    .nullable()
    .default(null),
  /** Of every tenant, from before; null where that was lost. */
  index_versions: indexVersions,
  /** Checks that failed and were overruled by `--accept-failed-check`. */
  overruled: z.array(failedCheck).default([]),
  /** The configuration namespace as it was; null until it is about to be changed. */
  config_before: z.array(keyValueEntry).nullable(),
});
export type RestoreRecord = z.infer<typeof record>;

/** Whether the restore was begun and neither ended nor undone. */
export function isInterrupted({ phase }: RestoreRecord): boolean {
  return phase === "begun" || phase === "stores";
}

/** Whether there was something to go back to. The plan said so when there was not. */
export function canBeUndone({ method, had_live, index_versions }: RestoreRecord): boolean {
  return method === "in place" || (had_live ?? index_versions?.length !== 0);
}

/** That restore in place of a source, where it was interrupted: it goes on with a database that may hold nothing by now. */
export async function interruptedInPlace(
  storage: Storage,
  source: string,
  signal: AbortSignal,
): Promise<RestoreRecord | null> {
  const found = await readRestoreRecord(storage, signal);
  return found?.method === "in place" && found.source === source && isInterrupted(found) ? found : null;
}

/** The last restore of the stack; null without one. */
export async function readRestoreRecord(storage: Storage, signal: AbortSignal): Promise<RestoreRecord | null> {
  const found = await readJson(storage, RECORD, signal);
  return found && readKept(record, found.value, RECORD);
}

export async function writeRestoreRecord(storage: Storage, value: RestoreRecord, signal: AbortSignal): Promise<void> {
  const found = await storage.read(RECORD, signal).catch(absent);
  await storage.replace(RECORD, Buffer.from(JSON.stringify(value)), found?.etag ?? null, signal);
}
