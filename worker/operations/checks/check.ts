/** What a deep check is, and D1 as the checks ask it: past retries and breakers, which would hide what they look for. */
import { within } from "../../ground/time-limit.ts";
import { DEEP_CHECK_LIMIT_MS, DEEP_CHECK_SLOW_MS, DEEP_CHECK_STEP_MS } from "../../limits.ts";
import type { CheckName, CheckStatus, DeepCheck } from "../../schemas/deep-health.ts";
import { describeError } from "../../telemetry/log.ts";
import type { Work } from "../../work.ts";

export interface Finding {
  status: CheckStatus;
  detail?: string;
  facts?: DeepCheck["facts"];
  /** Where it differs from what the check says of itself. */
  test?: string;
}

export interface Check {
  name: CheckName;
  /** What is done, for people. */
  test: string;
  /** When one of these fails, the failure of this check says nothing of its own. */
  needs?: readonly CheckName[];
  /** What was found; throws what the dependency throws. */
  run(work: Work): Promise<Finding>;
}

/** A check that has ended: whether it failed by what it met, which says nothing new where what it needs has failed, too. */
export interface Ended extends DeepCheck {
  name: CheckName;
  needs: readonly CheckName[];
  met: boolean;
}

export const HEALTHY: Finding = { status: "healthy" };

/** The rows of one statement, counted as what they cost. */
export async function rowsOf<T>(work: Work, sql: string, ...bindings: (string | number)[]): Promise<T[]> {
  const [rows = []] = await batchOf<T>(work, work.env.DB.prepare(sql).bind(...bindings));
  return rows;
}

/** The rows of each of some statements, which are one transaction. */
export async function batchOf<T>(work: Work, ...statements: D1PreparedStatement[]): Promise<T[][]> {
  const { counts } = work.timings;
  const results = await work.timings.measure("db", () => work.env.DB.batch<T>(statements));
  for (const { meta } of results) {
    counts.rows_read += meta.rows_read;
    counts.rows_written += meta.rows_written;
  }
  return results.map((result) => result.results);
}

/** Rows that a check of another store begins with: none where D1 fails or hangs, which its own check tells. */
export function rowsIfAny<T>(work: Work, sql: string): Promise<T[]> {
  return within(DEEP_CHECK_STEP_MS, () => rowsOf<T>(work, sql)).catch(() => []);
}

/**
 * What another store than D1 says, in a check that needs the database for `rowsIfAny`. How it fails is found, not met: it is told beside a
 * dead D1, too.
 */
export function foundOf(ask: () => Promise<Finding>): Promise<Finding> {
  return within(DEEP_CHECK_STEP_MS, ask).catch((error: unknown) => ({
    status: "unhealthy",
    detail: describeError(error).message,
  }));
}

/** What a check found within the limit. Never throws. */
export async function performed({ name, test, needs = [], run }: Check, work: Work): Promise<Ended> {
  const started = performance.now();
  let found: Finding;
  let met = false;
  try {
    found = await within(DEEP_CHECK_LIMIT_MS, () => run(work));
  } catch (error) {
    met = true;
    found = { status: "unhealthy", detail: describeError(error).message };
  }
  const latency_ms = Math.round(performance.now() - started);
  if (found.status === "healthy" && latency_ms > DEEP_CHECK_SLOW_MS) {
    met = true;
    found = { ...found, status: "degraded", detail: `slow: it took ${latency_ms} ms` };
  }
  const { status, detail = null, facts = {} } = found;
  return { name, needs, met, status, latency_ms, test: found.test ?? test, detail, facts };
}
