/** `ops report cost` */
import { reportCommand } from "./command.ts";
import { costSections, courseSections } from "./sections.ts";

export const reportCost = reportCommand({
  kind: "cost",
  title: "Cost",
  summary: "tokens, neurons and price: of today by model, and of thirty days",
  period: "30d",
  sources: ["usage", "metrics", "series"],
  examples: ["report cost", "report cost --out reports --json"],
  sections: ({ usage, metrics, series }) => [
    ...costSections(usage, metrics),
    ...(series === undefined ? [] : courseSections(series).slice(1)),
  ],
});
