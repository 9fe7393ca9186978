/**
 * The data point of a unit of work in Analytics Engine. The two lists are the dataset's layout: whoever queries it finds the
 * column of a name by its place. Append only, because data points of older versions stay for three months.
 * https://developers.cloudflare.com/analytics/analytics-engine/limits/
 */
import { ANALYTICS_BLOB_CHARS_MAX } from "../limits.ts";
import { describeError } from "./log.ts";
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
] as const;

const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

let is_cold = true;

/** Sampled by endpoint, so that a rare one is not lost among many of a busy one. */
export function dataPoint(unit: Unit, ending: Ending, duration_ms: number): AnalyticsEngineDataPoint {
  const { usage, timings, principal } = unit;
  const { method } = ending;
  const blobs: Record<(typeof BLOBS)[number], string | null | undefined> = {
    kind: unit.kind,
    endpoint: ending.endpoint,
    outcome: ending.outcome,
    method: method === undefined || METHODS.has(method) ? method : "other",
    key_id: principal?.key_id,
    tenant: principal?.tenant,
    colo: unit.colo,
    model: usage.model,
    cache_status: unit.cache_status,
    error: ending.error === undefined ? undefined : describeError(ending.error).type,
    version: unit.env.VERSION.id,
  };
  const doubles: Record<(typeof DOUBLES)[number], number> = {
    duration_ms,
    status_code: ending.status_code ?? 0,
    db_ms: timings.spent_ms("db"),
    kv_ms: timings.spent_ms("kv"),
    vector_ms: timings.spent_ms("vector"),
    ai_ms: timings.spent_ms("ai"),
    database_queries: timings.database_queries,
    database_errors: timings.database_errors,
    tokens_in: usage.tokens_in,
    tokens_out: usage.tokens_out,
    tokens_saved: usage.tokens_saved,
    neurons: usage.neurons,
    cold_start: is_cold ? 1 : 0,
  };
  is_cold = false;
  return {
    indexes: [ending.endpoint.slice(0, ANALYTICS_BLOB_CHARS_MAX)],
    blobs: BLOBS.map((name) => (blobs[name] ?? "").slice(0, ANALYTICS_BLOB_CHARS_MAX)),
    doubles: DOUBLES.map((name) => doubles[name]),
  };
}
