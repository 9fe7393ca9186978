/** `ops report weekly` */
import { reportCommand } from "./command.ts";
import type { Gathered } from "./gather.ts";
import {
  capacitySections,
  costSections,
  courseSections,
  latencySections,
  slowStatementSection,
  volumeSection,
} from "./sections.ts";
import { upkeepSections } from "./upkeep-sections.ts";

export const reportWeekly = reportCommand({
  kind: "weekly",
  title: "Weekly report",
  summary: "the week: requests, latency, tokens, allowances, incidents, backups, and what was done to the service",
  period: "7d",
  sources: ["week", "series", "metrics", "usage", "capacity", "incidents", "alerts", "backup", "queues", "audit"],
  examples: ["report weekly", "report weekly --out reports --json"],
  sections: (found, now_ms) => [
    ...(found.week === undefined ? [] : [...latencySections(found.week), volumeSection(volumeOf(found.week), now_ms)]),
    ...(found.series === undefined ? [] : courseSections(found.series)),
    ...costSections(found.usage, found.metrics),
    ...(found.capacity === undefined ? [] : capacitySections(found.capacity, now_ms)),
    ...upkeepSections(found, now_ms),
    ...(found.week === undefined ? [] : [slowStatementSection(found.week)]),
  ],
});

function volumeOf({ days, all }: Gathered["week"]): Gathered["volume"] {
  const [busiest] = days.toSorted((a, b) => b.requests - a.requests);
  const peak = busiest === undefined ? null : { at: busiest.at, requests: busiest.requests };
  return { period: "7d", total: all.requests, errors: all.errors, peak, buckets: days };
}
