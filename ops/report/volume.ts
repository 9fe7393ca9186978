/** `ops report volume` */
import { reportCommand } from "./command.ts";
import { latencySections, volumeSection } from "./sections.ts";

export const reportVolume = reportCommand({
  kind: "volume",
  title: "Request volume",
  summary: "requests by the day of thirty days, their peak and trend, and the routes they went to",
  period: "30d",
  sources: ["volume", "performance"],
  examples: ["report volume", "report volume --out reports"],
  sections: ({ volume, performance }, now_ms) => [
    ...(volume === undefined ? [] : [volumeSection(volume, now_ms)]),
    ...(performance === undefined ? [] : latencySections(performance)),
  ],
});
