/** `ops report monthly` */
import { reportCommand } from "./command.ts";
import {
  cacheSection,
  capacitySections,
  costSections,
  courseSections,
  latencySections,
  slowStatementSection,
  volumeSection,
} from "./sections.ts";
import { upkeepSections } from "./upkeep-sections.ts";

export const reportMonthly = reportCommand({
  kind: "monthly",
  title: "Monthly report",
  summary: "thirty days: everything of the weekly report, with caches and the trend by the day",
  period: "30d",
  sources: [
    "performance",
    "volume",
    "series",
    "metrics",
    "usage",
    "capacity",
    "incidents",
    "alerts",
    "backup",
    "queues",
    "audit",
  ],
  examples: ["report monthly", "report monthly --out reports --json"],
  sections: (found, now_ms) => [
    ...(found.performance === undefined ? [] : latencySections(found.performance)),
    ...(found.volume === undefined ? [] : [volumeSection(found.volume, now_ms)]),
    ...(found.metrics === undefined ? [] : [cacheSection(found.metrics)]),
    ...(found.series === undefined ? [] : courseSections(found.series)),
    ...costSections(found.usage, found.metrics),
    ...(found.capacity === undefined ? [] : capacitySections(found.capacity, now_ms)),
    ...upkeepSections(found, now_ms),
    ...(found.performance === undefined ? [] : [slowStatementSection(found.performance)]),
  ],
});
