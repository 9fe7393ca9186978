/** Slow statements of all isolates as reports show them, with advice on indexes. */
import type { z } from "zod";
import { ADVICE_ROWS_MIN } from "../limits.ts";
import type { performanceState } from "../schemas/debug.ts";
import type { Work } from "../work.ts";
import { indexAdvice, scannedTables } from "./index-advice.ts";
import { readMeter } from "./read-meter.ts";

type SlowQueries = Pick<z.infer<typeof performanceState>, "slow_statements" | "index_advice">;

/** @throws Problem `metrics-unavailable` when the meter does not answer; D1's errors. */
export async function slowQueries(work: Work): Promise<SlowQueries> {
  const slow = await readMeter(work, (shard) => shard.slow());
  slow.sort((a, b) => b.max_ms - a.max_ms);
  const tables = new Set(slow.flatMap(scannedTables));
  const rows = new Map(
    await Promise.all(
      // Names are those of statements of this Worker; a table that is gone since has no rows.
      [...tables].map(async (table): Promise<[string, number]> => [table, await rowsUpTo(work, table).catch(() => 0)]),
    ),
  );
  return {
    slow_statements: slow.map(({ last_at_ms, ...one }) => ({ ...one, last_at: new Date(last_at_ms).toISOString() })),
    index_advice: indexAdvice(slow, rows),
  };
}

/** As many rows as make an index worth it, or fewer: counting all of them would be a slow query itself. */
async function rowsUpTo(work: Work, table: string): Promise<number> {
  const sql = `SELECT count(*) AS count FROM (SELECT 1 FROM "${table}" LIMIT ?1)`;
  const row = await work.stores.db.prepare(sql).bind(ADVICE_ROWS_MIN).first<{ count: number }>();
  return row?.count ?? 0;
}
