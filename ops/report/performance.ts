/** `ops report performance` */
import { reportCommand } from "./command.ts";
import { cacheSection, courseSections, latencySections, slowStatementSection, volumeSection } from "./sections.ts";

export const reportPerformance = reportCommand({
  kind: "performance",
  title: "Performance",
  summary: "latency, errors, caches and slow statements of a week, beside the baseline",
  period: "7d",
  sources: ["performance", "volume", "metrics", "series"],
  examples: ["report performance", "report performance --out reports"],
  sections: ({ performance, volume, metrics, series }, now_ms) => [
    ...(performance === undefined ? [] : latencySections(performance)),
    ...(series === undefined ? [] : courseSections(series).slice(0, 1)),
    ...(volume === undefined ? [] : [volumeSection(volume, now_ms)]),
    ...(metrics === undefined ? [] : [cacheSection(metrics)]),
    ...(performance === undefined ? [] : [slowStatementSection(performance)]),
  ],
});
