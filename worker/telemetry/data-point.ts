/** The data point of a unit of work in Analytics Engine. */
import { ANALYTICS_BLOB_CHARS_MAX } from "../limits.ts";
import { BLOBS, DOUBLES } from "./data-point-layout.ts";
import { describeError } from "./log.ts";
import type { Measures } from "./tally.ts";
import type { Ending, Unit } from "./unit.ts";

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
