/** Slow queries on their way to the meter, where those of all isolates are. */

import type { Env } from "../env.ts";
import { MINUTE_MS } from "../ground/time.ts";
import { SLOW_REPORTS_PER_MINUTE_MAX, SLOW_STATEMENT_CHARS_MAX } from "../limits.ts";
import { meterShards } from "./metering.ts";

let minute = 0;
let reports = 0;

/** Statements as one text without what differs between two calls: literals become `?`. No text of a document gets through. */
export function normalised(statements: readonly string[]): string {
  return statements
    .map((sql) =>
      sql
        .replace(/'(?:[^']|'')*'/g, "?")
        .replace(/(?<![\w?$])\d+(?:\.\d+)?\b/g, "?")
        .replace(/\s+/g, " ")
        .trim(),
    )
    .join("; ")
    .slice(0, SLOW_STATEMENT_CHARS_MAX);
}

/** Tells the meter; a database that is slow altogether is told of a few times a minute only. Throws what the meter throws. */
export async function reportSlow(
  env: Env,
  statements: readonly string[],
  plan: string,
  duration_ms: number,
  now_ms: number,
): Promise<void> {
  if (Math.floor(now_ms / MINUTE_MS) !== minute) {
    minute = Math.floor(now_ms / MINUTE_MS);
    reports = 0;
  }
  if (reports >= SLOW_REPORTS_PER_MINUTE_MAX) return;
  reports += 1;
  await meterShards(env)[0]?.addSlow({
    statement: normalised(statements),
    plan: plan.slice(0, SLOW_STATEMENT_CHARS_MAX),
    times: 1,
    max_ms: duration_ms,
    last_at_ms: now_ms,
  });
}
