/**
 * The layout of the Analytics Engine dataset: whoever queries it finds the column of a name by its place. Append only,
 * because data points of older versions stay for three months.
 * https://developers.cloudflare.com/analytics/analytics-engine/limits/
 */
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
