/**
 * The write fence of a database: a row that says why, and triggers that refuse every write to every table.
 *
 * A trigger, because it is the database that must refuse: old isolates, queue consumers and cron jobs of any version of the
 * Worker write for a while after a switch, and none of them asks first. The Worker's side is `worker/store/fence.ts`.
 */
import { FENCE_MARK } from "../../worker/store/fence-names.ts";
import type { D1Connection, Statement } from "../d1/connection.ts";
import { OURS } from "../d1/definitions.ts";
import { queryRows, queryTexts } from "../d1/query.ts";
import { quoted } from "../d1/schema.ts";

const TRIGGER_PREFIX = "write_fence_";
/** The fence's own table is written beside the fence. */
export const FENCE_TABLE = "write_fence";

export interface FenceRequest {
  reason: string;
  /** Who puts it up: a command. */
  by: string;
  now_ms: number;
}

/**
 * Puts the fence up, in one transaction: every write that was not committed before is refused from then on. Repeated, it
 * renews the row.
 * @throws OpsError when the database has not been migrated so far that it can hold a fence.
 */
export async function raiseFence(connection: D1Connection, { reason, by, now_ms }: FenceRequest): Promise<void> {
  const tables = await queryTexts(
    connection,
    `SELECT l.name FROM pragma_table_list l WHERE l.schema = 'main' AND l.type = 'table' AND l.name <> '${FENCE_TABLE}' AND ${OURS}`,
  );
  await connection.batch(
    [
      {
        sql: `INSERT INTO ${FENCE_TABLE} (id, reason, installed_by, since_ms) VALUES (1, ?1, ?2, ?3)
          ON CONFLICT (id) DO UPDATE SET reason = ?1, installed_by = ?2, since_ms = ?3, lifted_at_ms = NULL`,
        params: [reason, by, now_ms],
      },
      ...tables.flatMap(fenceTriggers),
    ],
    { repeatable: true },
  );
}

/**
 * Takes the triggers away. The row stays, as lifted, until no deferred write waits any more (`forgetFence`). A database without
 * the fence's table has no row to lift.
 */
export async function lowerFence(connection: D1Connection, now_ms: number): Promise<void> {
  const triggers = await fenceTriggerNames(connection);
  const lift = { sql: `UPDATE ${FENCE_TABLE} SET lifted_at_ms = ? WHERE lifted_at_ms IS NULL`, params: [now_ms] };
  const statements = [
    ...triggers.map((name) => ({ sql: `DROP TRIGGER IF EXISTS ${quoted(name)}` })),
    ...((await canHoldFence(connection)) ? [lift] : []),
  ];
  if (statements.length > 0) await connection.batch(statements, { repeatable: true });
}

/** Whether it was migrated so far that it can hold a fence: what has no such table serves nobody. @throws OpsError in D1's words. */
export async function canHoldFence(connection: D1Connection): Promise<boolean> {
  const sql = `SELECT name FROM sqlite_schema WHERE type = 'table' AND name = '${FENCE_TABLE}'`;
  return (await queryRows(connection, sql)).length === 1;
}

/** The row as lifted, without triggers: for a database that takes over while deferred writes still wait. */
export async function markFenceLifted(connection: D1Connection, { reason, by, now_ms }: FenceRequest): Promise<void> {
  await connection.batch(
    [
      {
        sql: `INSERT INTO ${FENCE_TABLE} (id, reason, installed_by, since_ms, lifted_at_ms) VALUES (1, ?1, ?2, ?3, ?3)
          ON CONFLICT (id) DO NOTHING`,
        params: [reason, by, now_ms],
      },
    ],
    { repeatable: true },
  );
}

/** Removes the row of a lifted fence: the Worker stops asking whether writes wait. */
export async function forgetFence(connection: D1Connection): Promise<void> {
  await connection.batch([{ sql: `DELETE FROM ${FENCE_TABLE} WHERE lifted_at_ms IS NOT NULL` }], { repeatable: true });
}

/** True for what belongs to the fence: it is not part of a database's schema and is not copied with it. */
export function isFenceTrigger({ name }: { name: string }): boolean {
  return name.startsWith(TRIGGER_PREFIX);
}

async function fenceTriggerNames(connection: D1Connection): Promise<string[]> {
  const triggers = await queryTexts(connection, "SELECT name FROM sqlite_schema WHERE type = 'trigger'");
  return triggers.filter((name) => isFenceTrigger({ name }));
}

/** One statement each: D1 cuts a trigger that stands beside other statements. */
function fenceTriggers(table: string): Statement[] {
  return ["INSERT", "UPDATE", "DELETE"].map((event) => ({
    sql: `CREATE TRIGGER IF NOT EXISTS ${quoted(`${TRIGGER_PREFIX}${table}_${event.toLowerCase()}`)}
      BEFORE ${event} ON ${quoted(table)}
      BEGIN SELECT RAISE(ABORT, '${FENCE_MARK}: a store is being replaced; the write must wait'); END`,
  }));
}
