/** `ops report capacity` */
import { reportCommand } from "./command.ts";
import { capacitySections, volumeSection } from "./sections.ts";
import { upkeepSections } from "./upkeep-sections.ts";

export const reportCapacity = reportCommand({
  kind: "capacity",
  title: "Capacity",
  summary: "what is used of every allowance and store, how fast it grows, and how long the rest lasts",
  period: "30d",
  sources: ["capacity", "volume", "queues"],
  examples: ["report capacity", "report capacity --out reports"],
  sections: ({ capacity, volume, queues }, now_ms) => [
    ...(capacity === undefined ? [] : capacitySections(capacity, now_ms)),
    ...(volume === undefined ? [] : [volumeSection(volume, now_ms)]),
    ...upkeepSections(queues === undefined ? {} : { queues }, now_ms),
  ],
});
