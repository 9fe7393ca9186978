/** The schedule as the configuration of alerts knows it: which jobs must report although they never have. Pure. */
import type { AlertConfiguration } from "../../worker/alerts/configuration.ts";
import { datesBetween_ms } from "./calendar.ts";
import type { Job } from "./job.ts";

const HOUR_S = 3_600;
const HOUR_MS = HOUR_S * 1_000;
/** Of every date there is one as far from the next as it ever is: a leap year is among them. */
const SEEN_YEARS = 5;

/** A job is expected within the longest time that there can be from one of its dates to the next. */
export function expectedJobs(jobs: readonly Job[]): AlertConfiguration["expected_jobs"] {
  const from_ms = Date.UTC(2026, 0, 1) - 1;
  const to_ms = Date.UTC(2026 + SEEN_YEARS, 0, 2);
  return Object.fromEntries(
    jobs.map(({ id, cron, grace_s }) => {
      const dates = datesBetween_ms(cron, from_ms, to_ms);
      const gaps_h = dates.slice(1).map((date, index) => (date - (dates[index] ?? date)) / HOUR_MS);
      return [id, { every_h: Math.ceil(Math.max(...gaps_h)), grace_h: Math.ceil(grace_s / HOUR_S) }];
    }),
  );
}
