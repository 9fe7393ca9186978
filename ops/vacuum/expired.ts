/** Rows that have served their time: counted first, so that a dry run says the same as a run. */
import { z } from "zod";
import { IDEMPOTENCY_LIFETIME_MS } from "../../worker/limits.ts";
import type { D1Connection, JsonValue } from "../d1/connection.ts";
import { firstNumber, queryNumber } from "../d1/query.ts";
import { FINISHED_JOB_KEEP_MS, RECORD_KEEP_MS, VACUUM_ROWS_PER_STATEMENT } from "../limits.ts";

export const removed = z.strictObject({
  what: z.enum(["expired answers", "finished jobs", "change log", "old ratings", "old dead letters"]),
  rows: z.int(),
  /** Why so many and no more. */
  because: z.string(),
});
type Removed = z.infer<typeof removed>;

interface Sweep {
  what: Removed["what"];
  because: string;
  /** Rows of one table by a condition; what refers to them goes first. */
  tables: { table: string; key: string; where: string; params: readonly JsonValue[] }[];
}

/** Jobs stay whole: the last of their parts decides. */
const FINISHED = `created_at_ms < ?1 AND NOT EXISTS (
  SELECT 1 FROM job_parts p WHERE p.job_id = jobs.id AND (p.state = 'queued' OR coalesce(p.finished_at_ms, ?1) >= ?1))`;

/** `log_through`: the last entry of the change log that nobody needs. */
interface Due {
  now_ms: number;
  log_through: number;
  log_because: string;
}

/** What is due at `now_ms`. */
export function sweepsDue(due: Due): Sweep[] {
  const jobs_before = due.now_ms - FINISHED_JOB_KEEP_MS;
  const records_before = due.now_ms - RECORD_KEEP_MS;
  const days = (duration_ms: number) => `${duration_ms / 86_400_000} days ago or earlier`;
  return [
    {
      what: "expired answers",
      because: `kept for a repeated request, ${IDEMPOTENCY_LIFETIME_MS / 3_600_000} h`,
      tables: [
        {
          table: "idempotency",
          key: "key_id, idempotency_key",
          where: "created_at_ms < ?1",
          params: [due.now_ms - IDEMPOTENCY_LIFETIME_MS],
        },
      ],
    },
    {
      what: "finished jobs",
      because: `finished ${days(FINISHED_JOB_KEEP_MS)}`,
      tables: [
        {
          table: "job_parts",
          key: "job_id, part",
          where: `job_id IN (SELECT id FROM jobs WHERE ${FINISHED})`,
          params: [jobs_before],
        },
        { table: "jobs", key: "id", where: FINISHED, params: [jobs_before] },
      ],
    },
    {
      what: "change log",
      because: due.log_because,
      tables: [{ table: "change_log", key: "seq", where: "seq <= ?1", params: [due.log_through] }],
    },
    {
      what: "old ratings",
      because: `given ${days(RECORD_KEEP_MS)}`,
      tables: [{ table: "feedback", key: "request_id, key_id", where: "created_at_ms < ?1", params: [records_before] }],
    },
    {
      what: "old dead letters",
      because: `died ${days(RECORD_KEEP_MS)}`,
      tables: [{ table: "dead_letters", key: "id", where: "failed_at_ms < ?1", params: [records_before] }],
    },
  ];
}

/** Removes what a sweep is for; `dry_run`: only counts. @throws OpsError in D1's words. Repeat it to go on. */
export async function carryOutSweep(
  connection: D1Connection,
  { what, because, tables }: Sweep,
  dry_run: boolean,
): Promise<Removed> {
  let rows = 0;
  for (const table of tables) rows += await (dry_run ? countOf(connection, table) : sweep(connection, table));
  return { what, rows, because };
}

function countOf(connection: D1Connection, { table, where, params }: Sweep["tables"][number]): Promise<number> {
  return queryNumber(connection, `SELECT count(*) FROM ${table} WHERE ${where}`, params);
}

/** A statement has 30 s: some at a time. */
async function sweep(
  connection: D1Connection,
  { table, key, where, params }: Sweep["tables"][number],
): Promise<number> {
  let rows = 0;
  for (;;) {
    const some = `SELECT ${key} FROM ${table} WHERE ${where} LIMIT ${VACUUM_ROWS_PER_STATEMENT}`;
    const [, changed] = await connection.batch([
      { sql: `DELETE FROM ${table} WHERE (${key}) IN (${some})`, params },
      { sql: "SELECT changes()" },
    ]);
    const gone = firstNumber(changed);
    rows += gone;
    if (gone < VACUUM_ROWS_PER_STATEMENT) return rows;
  }
}
