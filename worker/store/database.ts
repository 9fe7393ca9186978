/**
 * D1 as the rest of the Worker sees it: the part of its interface that is used, with what every query needs.
 *
 * Reads are retried with backoff on transient errors only; writes are not, because a write whose answer was lost may
 * have happened. Queries, repeated ones each, and the rows they cost are counted and timed; a slow one is logged with its plan.
 */
import { DATABASE_RETRIES_MAX, DATABASE_RETRY_BASE_MS, SLOW_QUERY_MS } from "../limits.ts";
import type { Timings } from "../telemetry/timings.ts";

/** D1's own words for conditions that pass. https://developers.cloudflare.com/d1/observability/debug-d1/#error-list */
const TRANSIENT =
  /Network connection lost|storage caused object to be reset|reset because its code was updated|D1 DB is overloaded|Cannot resolve D1 DB due to transient issue|Can't read from request stream|starting up D1 DB storage/i;

/** Statements that change nothing; what begins with common tables may end in an INSERT. */
const READS = /^\s*(SELECT|EXPLAIN|WITH(?!.*\b(INSERT|UPDATE|DELETE|REPLACE)\b))\b/is;

/** True for errors that D1 documents as worth another try. */
function isTransient(error: unknown): boolean {
  return error instanceof Error && TRANSIENT.test(error.message);
}

/**
 * True when the database could not be asked, as opposed to having refused what it was asked: SQLite's own refusals
 * carry its error code.
 */
export function isDatabaseDown(error: unknown): boolean {
  return (
    isTransient(error) || (error instanceof Error && /^D1_ERROR/.test(error.message) && !/SQLITE_/.test(error.message))
  );
}

/** Hears of a slow query, or of a slow batch with all its statements. */
type OnSlowQuery = (statements: readonly string[], duration_ms: number) => void;

/** A statement that is not prepared yet: which session it will run in shows when it does. */
interface Said {
  sql: string;
  values: readonly unknown[];
}

/** What each statement of an observed database says. */
const known = new WeakMap<object, Said>();

function saidBy(statement: D1PreparedStatement): Said {
  const said = known.get(statement);
  if (said === undefined)
    throw new Error("a batch takes statements that an observed database prepared, not the binding");
  return said;
}

/** Where the first query of a session may go: to the primary, to whatever is near, or to what knows of a bookmark. */
export type SessionStart = "first-primary" | "first-unconstrained" | (string & {});

/**
 * Wraps a D1 binding for one unit of work. With `start` all its queries are one session of D1, which read replicas may serve; without,
 * they all go to the primary. `bookmark` says how far the session has seen, null before it is known.
 * https://developers.cloudflare.com/d1/best-practices/read-replication/
 */
export function observedDatabase(
  db: D1Database,
  timings: Timings,
  onSlow: OnSlowQuery,
  start?: SessionStart,
): { db: D1Database; bookmark: () => string | null } {
  let session = start === undefined ? null : db.withSession(start);
  let isFallback = start === undefined || start === "first-primary";
  const observe = async <T extends D1Result | D1Result[]>(
    said: readonly Said[],
    work: (prepared: D1PreparedStatement[]) => Promise<T>,
  ): Promise<T> => {
    const statements = said.map(({ sql }) => sql);
    const readOnly = statements.every((sql) => READS.test(sql));
    const started_ms = performance.now();
    // Each try is a query, and may be an error of D1: one that gets through at the third try is what an outage begins with.
    const attempt = () =>
      timings.measure("db", () => work(said.map(({ sql, values }) => (session ?? db).prepare(sql).bind(...values))));
    const result = await (readOnly ? retrying(attempt) : attempt()).catch((error: unknown) => {
      // A bookmark is a caller's word: of another database, or of before a restore, it must not be what fails.
      if (isFallback || !readOnly || !isDatabaseDown(error)) throw error;
      isFallback = true;
      session = db.withSession("first-primary");
      return attempt();
    });
    for (const { meta } of [result].flat()) {
      timings.counts.rows_read += meta.rows_read;
      timings.counts.rows_written += meta.rows_written;
    }
    const duration_ms = performance.now() - started_ms;
    if (duration_ms > SLOW_QUERY_MS) onSlow(statements, duration_ms);
    return result;
  };
  const observedStatement = (said: Said): D1PreparedStatement => {
    const all = () => observe([said], ([statement]) => (statement as D1PreparedStatement).all());
    const wrapped = {
      bind: (...values: unknown[]) => observedStatement({ sql: said.sql, values }),
      // D1's own `first` asks for all rows as well, and forgets what they cost.
      first: async () => (await all()).results[0] ?? null,
      run: all,
      all,
    } as unknown as D1PreparedStatement;
    known.set(wrapped, said);
    return wrapped;
  };
  const observed = {
    prepare: (sql: string) => observedStatement({ sql, values: [] }),
    batch: <T>(statements: D1PreparedStatement[]) =>
      observe(statements.map(saidBy), (prepared) => (session ?? db).batch<T>(prepared)),
  } as unknown as D1Database;
  return { db: observed, bookmark: () => session?.getBookmark() ?? null };
}

async function retrying<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= DATABASE_RETRIES_MAX || !isTransient(error)) throw error;
      const backoff_ms = DATABASE_RETRY_BASE_MS * 2 ** attempt * (0.5 + Math.random());
      await new Promise((resolve) => setTimeout(resolve, backoff_ms));
    }
  }
}

/** SQLite's plans of statements, as one line. Parameters are left out: they may hold a document's text. */
export async function explain(db: D1Database, statements: readonly string[]): Promise<string> {
  const plans = await db.batch<{ detail: string }>(
    statements.map((sql) => db.prepare(`EXPLAIN QUERY PLAN ${sql}`).bind(...Array(parameterCount(sql)).fill(null))),
  );
  return plans.flatMap(({ results }) => results.map(({ detail }) => detail)).join("; ");
}

/** As SQLite counts them: `?3` is the third, a bare `?` the one after the highest so far. */
function parameterCount(sql: string): number {
  let highest = 0;
  for (const [name] of sql.matchAll(/\?\d*/g)) {
    highest = name === "?" ? highest + 1 : Math.max(highest, Number(name.slice(1)));
  }
  return highest;
}
