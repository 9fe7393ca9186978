/**
 * A copy of a living database kept up with it: rows that the change log names are brought to what they are now.
 *
 * The copy has no triggers but those of its full-text indexes, so nothing happens there that the original did not do. A row
 * is taken out before it is put in again: `INSERT OR REPLACE` would not tell the full-text index that the old one went.
 */

import { OpsError } from "../command/errors.ts";
import { type Changes, readChanges, readNamed } from "../d1/change-log.ts";
import type { D1Connection } from "../d1/connection.ts";
import type { Row } from "../d1/row-codec.ts";
import type { Definition, Schema, Table } from "../d1/schema.ts";
import { deleteRows, writeRows } from "../d1/write-rows.ts";
import { REPLAY_ROUNDS_MAX } from "../limits.ts";
import { gatheredWrites } from "./gathered-writes.ts";

interface Replayed {
  /** Where the next replay begins. */
  seq: number;
  rows: number;
  /** Nothing was open when the last round was read. */
  complete: boolean;
}

/**
 * Brings the target to where the source is, round after round until one leaves nothing open, or until writers keep ahead for
 * `REPLAY_ROUNDS_MAX` rounds: what is open then is for the time when they have to wait.
 */
export async function replay(
  source: D1Connection,
  target: D1Connection,
  schema: Schema,
  from_seq: number,
): Promise<Replayed> {
  const done: Replayed = { seq: from_seq, rows: 0, complete: false };
  let isNearlyDone = false;
  for (let round = 0; round < REPLAY_ROUNDS_MAX && !done.complete; round += 1) {
    // The last word is one transaction's; before it, reading the log once is enough.
    const { tables, through_seq, complete }: Changes = isNearlyDone
      ? await readChanges(source, schema, done.seq)
      : await readNamed(source, schema, done.seq);
    if (tables.length > 0) await gatheredWrites(target, (gathering) => apply(gathering, schema, tables));
    done.rows += tables.reduce((sum, { changes }) => sum + changes.length, 0);
    // A round that was held up in the middle begins again: rows are what they are now, however often they are written.
    done.complete = isNearlyDone && complete;
    isNearlyDone = complete;
    done.seq = through_seq;
  }
  return done;
}

/** Triggers that keep a full-text index: they belong to the index and have to be there while rows come in. */
export function keepsFullText(schema: Schema): (trigger: Definition) => boolean {
  const names = schema.rebuilt.map((name) => new RegExp(`\\bINTO\\s+["'\`[]?${name}\\b`, "i"));
  return ({ sql }) => names.some((name) => name.test(sql));
}

type ChangedTable = Changes["tables"][number];

async function apply(target: D1Connection, schema: Schema, tables: readonly ChangedTable[]): Promise<void> {
  // Children first out, parents first in, as foreign keys want it.
  for (const { table, changes } of tables.toReversed()) {
    const gone = changes.filter(({ row }) => row === null || !isParent(schema, table)).map(({ key }) => key);
    await deleteRows(target, table, gone);
  }
  for (const { table, changes } of tables) {
    const rows = changes.flatMap(({ row }): Row[] => (row === null ? [] : [row]));
    await writeRows(target, table, [rows], { without_orphans: schema });
  }
}

/** A parent stays where it is while it is written: its children refer to it. */
function isParent({ tables }: Schema, { name }: Table): boolean {
  return tables.some(({ foreign_keys }) => foreign_keys.some(({ parent }) => parent === name));
}

/** @throws OpsError saying that a fenced source still changed, which must not happen. */
export function refuseMoving(name: string): never {
  throw new OpsError({
    op: "catch up with",
    subject: name,
    cause: "it goes on changing although its write fence is up",
    hint: "somebody writes beside the Worker, or lifted the fence: find out who, then repeat the command",
  });
}
