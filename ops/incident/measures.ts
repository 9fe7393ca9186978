/** Figures of an incident, from its events and from what the service counted. Pure. */

import { z } from "zod";
import { SERVICE_RULES } from "../../worker/alerts/service-rules.ts";
import { DAY_MS } from "../../worker/ground/time.ts";
import type { RequestSeries } from "../../worker/schemas/dashboard.ts";
import type { ShownIncident } from "./answers.ts";
import type { Happened } from "./events.ts";

type Timed = Pick<ShownIncident, "started_at" | "resolved_at"> & { timeline: readonly Happened[] };

/** When it was first noticed: by an alert that fired, or by whoever opened it. Seconds from its begin. */
export function mttd_s({ started_at, timeline }: Timed): number | null {
  const started_ms = Date.parse(started_at);
  const noticed = timeline
    .filter(({ source, text }) => source === "operator" || / fires($|:)/.test(text))
    .map(({ at }) => Date.parse(at))
    .filter((at_ms) => at_ms >= started_ms);
  return noticed.length === 0 ? null : (Math.min(...noticed) - started_ms) / 1_000;
}

/** Seconds from its begin to its end; null while it is open. */
export function mttr_s({ started_at, resolved_at }: Timed): number | null {
  return resolved_at === null ? null : (Date.parse(resolved_at) - Date.parse(started_at)) / 1_000;
}

/** Of the service's requests over time, what is read here. */
interface RequestCourse {
  step_minutes: number;
  steps: Pick<RequestSeries["steps"][number], "at" | "requests" | "errors" | "p95_latency_ms">[];
}

/** The shortest period of the series that reaches back to a time; null where none does. */
export function periodSince(from_ms: number, now_ms: number): string | null {
  const reach = { "1h": DAY_MS / 24, "24h": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS };
  return Object.entries(reach).find(([, span_ms]) => now_ms - from_ms <= span_ms)?.[0] ?? null;
}

/** Of all requests: what the alert on failed requests does not bear. */
const FAILED_SHARES = SERVICE_RULES.flatMap(({ condition }) => ("all" in condition ? condition.all : []))
  .filter(({ metric }) => metric === "error_ratio")
  .map(({ value }) => value);

/**
 * When requests began to fail without a step in between that was well, up to the step of `to_ms`, which may have just begun: to the
 * length of a step, and rather too early. null where none failed right before.
 */
export function failingSince({ steps }: RequestCourse, to_ms: number): number | null {
  const fails = ({ requests, errors }: RequestCourse["steps"][number]) =>
    FAILED_SHARES.some((share) => errors > requests * share);
  const newestFirst = steps.filter(({ at }) => Date.parse(at) <= to_ms).reverse();
  let first: string | null = null;
  for (const [age, step] of newestFirst.entries()) {
    if (fails(step)) first = step.at;
    else if (age > 0) break;
  }
  return first === null ? null : Date.parse(first);
}

export const impact = z.object({
  requests: z.int(),
  failed: z.int(),
  p95_latency_ms_max: z.number().nullable(),
  step_minutes: z.number().describe("the figures are of whole steps of this length that the incident touches"),
});

/** What callers met meanwhile. */
export function impactOf(
  { step_minutes, steps }: RequestCourse,
  from_ms: number,
  to_ms: number,
): z.infer<typeof impact> {
  const touched = steps.filter(({ at }) => Date.parse(at) + step_minutes * 60_000 > from_ms && Date.parse(at) <= to_ms);
  const slowest = touched.flatMap(({ p95_latency_ms }) => p95_latency_ms ?? []);
  return {
    requests: touched.reduce((sum, { requests }) => sum + requests, 0),
    failed: touched.reduce((sum, { errors }) => sum + errors, 0),
    p95_latency_ms_max: slowest.length === 0 ? null : Math.max(...slowest),
    step_minutes,
  };
}

/** Timeline and events in one order. */
export function merged(
  timeline: ShownIncident["timeline"],
  events: readonly Happened[],
): (Happened & { is_public: boolean })[] {
  const all = [
    ...timeline.filter(({ text }) => text !== ""),
    ...events.map((event) => ({ ...event, is_public: false })),
  ];
  return all
    .map(({ at, source, text, is_public }) => ({ at, source, text, is_public }))
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}
