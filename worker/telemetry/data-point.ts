/**
 * The data point of a unit of work in Analytics Engine. The two lists are the dataset's layout: whoever queries it finds the
 * column of a name by its place. Append only, because data points of older versions stay for three months.
 * https://developers.cloudflare.com/analytics/analytics-engine/limits/
 */
import { ANALYTICS_BLOB_CHARS_MAX } from "../limits.ts";
import { describeError } from "./log.ts";
import type { Measures } from "./tally.ts";
import type { Ending, Unit } from "./unit.ts";

/** `blob1`, `blob2` … Ids and names of fixed sets; empty where there is none. */
export const BLOBS = [
  "kind",
  "endpoint",
  "outcome",
  "method",
  "key_id",
  "tenant",
  "colo",
  "model",
  "cache_status",
  /** The name of a refusal (`PROBLEMS`) or the type of an error. */
  "error",
  "version",
] as const;

/** `double1`, `double2` … */
export const DOUBLES = [
  "duration_ms",
  /** 0 for what is no request. */
  "status_code",
  "db_ms",
  "kv_ms",
  "vector_ms",
  "ai_ms",
  "database_queries",
  "database_errors",
  "tokens_in",
  "tokens_out",
  "tokens_saved",
  "neurons",
  /** 1 for the first unit of work of an isolate. */
  "cold_start",
  "rows_read",
  "rows_written",
  "kv_reads",
  "kv_writes",
] as const;

/** Sampled by endpoint, so that a rare one is not lost among many of a busy one. */
export function dataPoint(
  unit: Unit,
  ending: Ending,
  measures: Measures,
  duration_ms: number,
): AnalyticsEngineDataPoint {
  const { usage, principal } = unit;
  const blobs: Record<(typeof BLOBS)[number], string | null | undefined> = {
    kind: unit.kind,
    endpoint: ending.endpoint,
    outcome: ending.outcome,
    method: ending.method,
    key_id: principal?.key_id,
    tenant: principal?.tenant,
    colo: unit.colo,
    model: usage.model,
    cache_status: unit.cache_status,
    error: ending.error === undefined ? undefined : describeError(ending.error).type,
    version: unit.env.VERSION.id,
  };
  const doubles: Record<(typeof DOUBLES)[number], number> = {
    ...measures,
    duration_ms,
    status_code: ending.status_code ?? 0,
  };
  return {
    indexes: [ending.endpoint.slice(0, ANALYTICS_BLOB_CHARS_MAX)],
    blobs: BLOBS.map((name) => (blobs[name] ?? "").slice(0, ANALYTICS_BLOB_CHARS_MAX)),
    doubles: DOUBLES.map((name) => doubles[name]),
  };
}
