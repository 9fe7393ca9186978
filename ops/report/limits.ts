/** What reports show, and what they hold figures against. */
import { GAMEDAY_DETECTED_S, GAMEDAY_RECOVERED_S } from "../limits.ts";

/** Rows of one table of a report. */
export const REPORT_ROWS_SHOWN = 25;
/** Slow statements, and what is shown of each: `db slow` has the rest. */
export const REPORT_STATEMENTS_SHOWN = 5;
export const STATEMENT_CHARS_SHOWN = 90;
/** Pages of the audit log that a report counts. */
export const REPORT_AUDIT_PAGES = 20;
/** What reports hold figures against: the targets of the manuals that this desk replaces. */
export const REPORT_TARGETS = {
  p50_latency_ms: 200,
  p95_latency_ms: 1_000,
  /** Of all requests, those that the service failed. */
  error_rate: 0.005,
  cache_hit_rate: 0.8,
  saving_percent: 40,
  /** Of 5. */
  rating_mean: 4,
  per_1k_tokens_usd: 0.01,
  query_ms: 100,
  /** Of incidents: what game days prove that it can be done. */
  mttd_s: GAMEDAY_DETECTED_S,
  mttr_s: GAMEDAY_RECOVERED_S,
} as const;
