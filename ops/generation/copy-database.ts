/**
 * Fills a generation of the database from the live one, while the service works: schema, rows by pages, then what changed
 * meanwhile by the change log, compared row by row before writers are asked to wait.
 *
 * The undo of a move is the same thing in the other direction: the old generation has everything up to the switch, so only
 * the replay remains.
 */

import pMap from "p-map";
import { OpsError } from "../command/errors.ts";
import { logHead } from "../d1/change-log.ts";
import type { D1Connection } from "../d1/connection.ts";
import { lastKey } from "../d1/last-key.ts";
import { beginLoad, finishLoad } from "../d1/load.ts";
import { queryNumber } from "../d1/query.ts";
import { readRows } from "../d1/read-rows.ts";
import type { Row } from "../d1/row-codec.ts";
import { CHANGE_LOG, quoted, readSchema, readSequences, type Schema, type Table } from "../d1/schema.ts";
import { writeRows } from "../d1/write-rows.ts";
import { FENCED_TABLES_AT_ONCE } from "../limits.ts";
import { FENCE_TABLE, isFenceTrigger, lowerFence, markFenceLifted } from "./fence.ts";
import type { DatabaseFill, DatabaseFilled, DatabaseFilling } from "./fill.ts";
import { gatheredWrites } from "./gathered-writes.ts";
import { keepsFullText, refuseMoving, replay } from "./replay.ts";
import { compareRows, countAll, verifyTables } from "./verify-database.ts";

/** A new generation with everything that the live one has. */
export const copyFromLive: DatabaseFill = {
  id: "copy",
  name: "copy of the live database",
  async prepare(filling) {
    const { source, target, state } = filling;
    const schema = await liveSchema(source.connection);
    // The log is replayed from before the first row was read.
    state.seq ??= await logHead(source.connection, schema);
    await filling.save();
    if (state.copied !== true) {
      await copyRows(filling, schema);
      state.copied = true;
      await filling.save();
    }
    // There already when an earlier attempt failed after they were made.
    await dropTriggers(target.connection, schema);
    await catchUp(filling, schema);
    await compareRows(filling, schema);
    return { name: target.name };
  },
  finish: finishCopy,
};

/** A generation that was live until `seq` of the live one's change log, brought up to date. */
export function replayOnto(seq: number): DatabaseFill {
  return {
    id: `replay ${seq}`,
    name: `changes of the live database since ${seq}`,
    async prepare(filling) {
      const { source, target, state } = filling;
      const schema = await liveSchema(source.connection);
      await refuseOtherShape(target.connection, schema);
      state.seq ??= seq;
      await filling.save();
      await lowerFence(target.connection, filling.now());
      await dropTriggers(target.connection, schema);
      await catchUp(filling, schema);
      return { name: target.name };
    },
    finish: finishCopy,
  };
}

/** The schema without what belongs to a fence. */
async function liveSchema(connection: D1Connection): Promise<Schema> {
  const schema = await readSchema(connection);
  return { ...schema, triggers: schema.triggers.filter((trigger) => !isFenceTrigger(trigger)) };
}

async function copyRows(filling: DatabaseFilling, schema: Schema): Promise<void> {
  const { source, target, progress, signal } = filling;
  const load = await beginLoad(target.connection, schema);
  // Tables without a log are copied at the end, whole.
  const tables = schema.tables.filter(({ is_logged }) => is_logged);
  const counts = await countAll(source.connection, tables);
  for (const [index, table] of tables.entries()) {
    progress.start(`copy ${table.name}`, counts[index] ?? 0);
    const to = load.target(table);
    const after = await lastKey(target.connection, to);
    const pages = counted(readRows(source.connection, table, { after }), (done) => {
      signal.throwIfAborted();
      progress.update(done);
    });
    await writeRows(target.connection, to, pages, { without_orphans: schema });
    progress.stop();
  }
  const sequences = await readSequences(source.connection, schema);
  await finishLoad(
    target.connection,
    { ...load, schema: { ...schema, triggers: fullTextTriggers(schema) } },
    sequences,
  );
}

async function* counted(pages: AsyncIterable<readonly Row[]>, tell: (done: number) => void) {
  let done = 0;
  for await (const page of pages) {
    done += page.length;
    tell(done);
    yield page;
  }
}

async function catchUp(filling: DatabaseFilling, schema: Schema): Promise<void> {
  const { target, state, save } = filling;
  const { seq, rows } = await replay(filling.source.connection, target.connection, schema, state.seq ?? 0);
  state.seq = seq;
  state.replayed_rows = (state.replayed_rows ?? 0) + rows;
  await save();
}

/** The last of it, while writers wait: what is still open, tables without a log, triggers, and whether all of it arrived. */
async function finishCopy(filling: DatabaseFilling): Promise<DatabaseFilled> {
  const { source, target, state } = filling;
  const schema = await liveSchema(source.connection);
  const last = await replay(source.connection, target.connection, schema, state.seq ?? 0);
  if (!last.complete) refuseMoving(source.name);
  state.seq = last.seq;
  await pMap(
    schema.tables.filter((table) => !table.is_logged && table.name !== FENCE_TABLE),
    (table) =>
      table.name === CHANGE_LOG
        ? copyLog(source.connection, target.connection, table)
        : copyWhole(source.connection, target.connection, table),
    { concurrency: FENCED_TABLES_AT_ONCE },
  );
  await markFenceLifted(target.connection, filling.fence);
  const verified = await verifyTables(filling, schema);
  await finishLoad(
    target.connection,
    { schema: { ...schema, indexes: [], views: [], rebuilt: [], triggers: [] }, target: (table) => table },
    await readSequences(source.connection, schema),
  );
  await makeTriggers(target.connection, schema);
  return {
    compared_rows: state.compared_rows ?? 0,
    replayed_rows: (state.replayed_rows ?? 0) + last.rows,
    last_round_rows: last.rows,
    log_seq: last.seq,
    ...verified,
  };
}

/** What is replayed was done at the source already, with everything that followed from it: nothing may follow here. */
async function dropTriggers(target: D1Connection, schema: Schema): Promise<void> {
  const isKept = keepsFullText(schema);
  const dropped = schema.triggers.filter((trigger) => !isKept(trigger));
  const statements = dropped.map(({ name }) => ({ sql: `DROP TRIGGER IF EXISTS ${quoted(name)}` }));
  if (statements.length > 0) await target.batch(statements, { repeatable: true });
}

/** In one request: writers wait. */
async function makeTriggers(target: D1Connection, { triggers }: Schema): Promise<void> {
  const there = new Set((await readSchema(target)).triggers.map(({ name }) => name));
  const missing = triggers.filter(({ name }) => !there.has(name));
  if (missing.length > 0) await target.batch(missing.map(({ sql }) => ({ sql })));
}

/** The log goes on where the old one was, so that whoever follows it (a backup) needs not begin anew. */
async function copyLog(source: D1Connection, target: D1Connection, table: Table): Promise<void> {
  await writeRows(target, table, readRows(source, table, { after: await lastKey(target, table) }));
  const first = await queryNumber(source, `SELECT coalesce(min(seq), 0) FROM ${quoted(table.name)}`);
  // Entries that were pruned at the source meanwhile.
  const prune = { sql: `DELETE FROM ${quoted(table.name)} WHERE seq < ?`, params: [first] };
  await target.batch([prune], { repeatable: true });
}

async function copyWhole(source: D1Connection, target: D1Connection, table: Table): Promise<void> {
  await gatheredWrites(target, async (gathering) => {
    await gathering.batch([{ sql: `DELETE FROM ${quoted(table.name)}` }]);
    await writeRows(gathering, table, readRows(source, table));
  });
}

/** @throws OpsError when the two generations were migrated differently. */
async function refuseOtherShape(target: D1Connection, schema: Schema): Promise<void> {
  const other = await liveSchema(target);
  const shapes = [schema, other].map(({ tables }) =>
    tables
      .map(({ sql }) => sql)
      .sort()
      .join("\n"),
  );
  if (shapes[0] === shapes[1]) return;
  throw new OpsError({
    op: "go back to",
    subject: "the earlier generation of the database",
    cause: "the live one was migrated since, so its rows do not fit",
    hint: "revert the migration first (npm run ops -- migrate revert), or move to a new generation instead",
  });
}

function fullTextTriggers(schema: Schema) {
  return schema.triggers.filter(keepsFullText(schema));
}
