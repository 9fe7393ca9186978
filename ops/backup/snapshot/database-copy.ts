/**
 * A database as it was at one moment, copied while writers work.
 *
 * Whole tables are read page by page; what changes meanwhile is in the change log and is read again by key, round after round,
 * until one transaction finds nothing more. That transaction also leaves the mark that the next snapshot continues from,
 * looks whether the first mark is still there (else somebody moved the database back in time), and reads what has no log. The
 * service never waits.
 */
import pMap from "p-map";
import { OpsError } from "../../command/errors.ts";
import { type Changes, readChanges, readNamed } from "../../d1/change-log.ts";
import type { D1Connection } from "../../d1/connection.ts";
import type { Table } from "../../d1/schema.ts";
import { SEAL_ATTEMPTS_MAX, TABLES_FINISHED_AT_ONCE } from "../../limits.ts";
import type { SnapshotBody, SnapshotInventory, SnapshotSummary } from "../manifest.ts";
import { allDone } from "../repository/all-done.ts";
import type { Snapshot, SnapshotWriter } from "../repository/repository.ts";
import { keptTable } from "./continuation.ts";
import type { DatabaseLook } from "./database-look.ts";
import { type Sealed, sealing } from "./seal.ts";
import { TableCopy } from "./table-copy.ts";
import { VectorIds } from "./vector-ids.ts";

export interface DatabaseSource {
  name: string;
  connection: D1Connection;
  /** The Time Travel bookmark of now; null where there is none. */
  bookmark(): Promise<string | null>;
}

interface DatabaseCopyOptions {
  writer: SnapshotWriter;
  look: DatabaseLook;
  /** The snapshot to continue; null for a full one. */
  base: { snapshot: Snapshot; inventory: SnapshotInventory } | null;
  /** To be left at the end: nobody can guess it. */
  mark: string;
  /** A temporary folder. */
  scratch: string;
  now(): number;
  /** Hears of bytes of rows that were read. */
  on_bytes(bytes: number): void;
}

interface DatabaseCopy {
  inventory: SnapshotInventory["database"];
  body: SnapshotBody["database"];
  bookmark: string | null;
  audit_head: SnapshotSummary["database"]["audit_head"];
  /** Everything that was answered before this moment is in it. */
  state_at_ms: number;
}

/** Nothing of the database is read any more. */
export interface SealedCopy {
  /** Null where there are no chunks. */
  vector_ids: VectorIds | null;
  /** Writes what is not written yet. */
  finish(): Promise<DatabaseCopy>;
}

/**
 * @throws OpsError when the schema changes or the database is moved back in time meanwhile (nothing is committed: repeat it),
 * when writers are faster than the rounds, and in D1's words.
 */
export async function copyDatabase(source: DatabaseSource, options: DatabaseCopyOptions): Promise<SealedCopy> {
  const { connection } = source;
  const { look, base, mark, now } = options;
  const { copies, ids } = begin(options);
  let through_seq = base?.inventory.database.log_seq ?? look.log_head;
  for (const copy of copies.values()) {
    if (!copy.is_kept && !look.small.has(copy.table)) await copy.copyAll(connection);
  }

  const replay = async (round: Changes): Promise<boolean> => {
    for (const { table, changes } of round.tables) await apply(copies.get(table.name), changes, ids);
    through_seq = round.through_seq;
    return round.complete;
  };
  let caught_up = !look.has_log;
  for (let window = base && look.window; !caught_up; window = null)
    caught_up = await replay(await readNamed(connection, look.schema, through_seq, window));

  for (let attempt = 1; attempt <= SEAL_ATTEMPTS_MAX; attempt++) {
    const state_at_ms = now();
    const final = sealing(connection, look, mark, state_at_ms);
    if (look.has_log) caught_up = await replay(await readChanges(final.connection, look.schema, through_seq));
    else await final.connection.batch([], { repeatable: true });
    const sealed = final.sealed();
    refuseIfMoved(source.name, look, sealed);
    if (!caught_up) continue;
    for (const { table, rows } of sealed.small) {
      const copy = copies.get(table.name);
      await (rows === null ? copy?.copyAll(connection) : copy?.copyRows(rows));
    }
    const finish = async (): Promise<DatabaseCopy> => {
      // Nothing after the seal is part of the snapshot, so the bookmark's moment may be any from now on.
      const [bookmark, tables] = await allDone([source.bookmark(), finished(copies.values())]);
      const inventory = {
        mark: look.has_marks ? mark : null,
        log_seq: look.has_log ? through_seq : null,
        schema: look.fingerprint,
        tables,
        left_out: look.left_out,
        vector_ids: ids?.ranges() ?? null,
      };
      const body = { schema: look.schema, sequences: sealed.sequences };
      return { inventory, body, bookmark, audit_head: sealed.audit_head, state_at_ms };
    };
    return { vector_ids: ids, finish };
  }
  throw new OpsError({
    op: "back up",
    subject: source.name,
    cause: `rows change faster than they are read: ${SEAL_ATTEMPTS_MAX} rounds did not catch up`,
    hint: "repeat it at a quieter time; what was copied is found again",
  });
}

async function finished(copies: Iterable<TableCopy>): Promise<SnapshotInventory["database"]["tables"]> {
  return await pMap(copies, (copy) => copy.finish(), { concurrency: TABLES_FINISHED_AT_ONCE });
}

function begin({ writer, look, base, scratch, on_bytes }: DatabaseCopyOptions) {
  const kept = (table: Table) => base && keptTable(table, look, base.inventory);
  const hasChunks = look.tables.some((table) => table.name === "chunks" && kept(table) !== null);
  const ids = VectorIds.of(look.tables, hasChunks ? (base?.inventory.database.vector_ids ?? []) : []);
  const context = {
    writer,
    base: base?.snapshot ?? null,
    scratch,
    on_bytes,
    on_rows: (table: Table, rows: Parameters<VectorIds["see"]>[1]) => ids?.see(table, rows),
  };
  const copies = new Map<string, TableCopy>();
  for (const table of look.tables) {
    const shape = look.shapes.get(table.name) ?? "";
    copies.set(table.name, new TableCopy(context, table, { shape, kept: kept(table), place: copies.size }));
  }
  return { copies, ids };
}

async function apply(
  copy: TableCopy | undefined,
  changes: Changes["tables"][number]["changes"],
  ids: VectorIds | null,
): Promise<void> {
  // The log also names tables that no snapshot holds.
  if (copy === undefined) return;
  for (const { key, row } of changes) {
    if (row === null) ids?.forget(copy.table, key);
    await copy.change(key, row);
  }
}

function refuseIfMoved(name: string, look: DatabaseLook, { fingerprint, is_descended }: Sealed): void {
  const cause = is_descended
    ? fingerprint === look.fingerprint
      ? null
      : "its schema was changed meanwhile"
    : "it was moved back in time meanwhile";
  if (cause === null) return;
  throw new OpsError({ op: "back up", subject: name, cause, hint: "repeat it: what was copied is found again" });
}
