/** What the meter and Analytics Engine keep of a unit of work, as numbers. */
import { Problem } from "../ground/problem.ts";
import { bucketOf } from "../ground/sketch.ts";
import type { Tally } from "../ground/tally.ts";
import type { Unit } from "./unit.ts";

let is_cold = true;

/** Numbers that can be added up over units of work. Call it once a unit: the first of an isolate is told as its cold start. */
export function measuresOf({ timings, usage }: Unit) {
  const cold_start = is_cold ? 1 : 0;
  is_cold = false;
  return {
    db_ms: timings.spent_ms("db"),
    kv_ms: timings.spent_ms("kv"),
    vector_ms: timings.spent_ms("vector"),
    ai_ms: timings.spent_ms("ai"),
    ...timings.counts,
    tokens_in: usage.tokens_in,
    tokens_out: usage.tokens_out,
    tokens_saved: usage.tokens_saved,
    neurons: usage.neurons,
    cold_start,
  };
}

export type Measures = ReturnType<typeof measuresOf>;

/** Names under which a tally counts by label. */
export const LABELS = {
  duration: "duration",
  colo: "colo",
  model: "model",
  cache: "cache",
  /** By the name of the problem, and by what was wrong with the credential. */
  refusal: "refusal",
  auth_failure: "auth_failure",
} as const;

/** One unit of work as a tally: its measures, and one count for each of its labels. */
export function tallyOf(
  { colo, usage, cache_status }: Unit,
  measures: Measures,
  duration_ms: number,
  error: unknown,
): Tally {
  const tally: Tally = { units: 1, duration_ms, [`${LABELS.duration}/${bucketOf(duration_ms)}`]: 1 };
  for (const [name, value] of Object.entries(measures)) if (value !== 0) tally[name] = value;
  if (colo !== undefined) tally[`${LABELS.colo}/${colo}`] = 1;
  if (usage.model !== null) tally[`${LABELS.model}/${usage.model}`] = 1;
  if (cache_status !== null) tally[`${LABELS.cache}/${cache_status}`] = 1;
  if (error instanceof Problem) {
    tally[`${LABELS.refusal}/${error.slug}`] = 1;
    if (FAILED_AUTHENTICATION.has(error.slug)) tally[`${LABELS.auth_failure}/${String(error.cause)}`] = 1;
  }
  return tally;
}

/** Their causes are of fixed sets. */
const FAILED_AUTHENTICATION: ReadonlySet<Problem["slug"]> = new Set(["not-authenticated", "too-many-failures"]);
