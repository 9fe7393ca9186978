/** The table of alert rules in `docs/alerts.md`, made of the rules (`npm run generate`). */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type GeneratedPart, withPart } from "../../infra/generated-part.ts";
import type { AlertRule } from "../../worker/alerts/rule.ts";
import { ALL_RULES } from "../../worker/alerts/rules.ts";
import { conditionText } from "./show.ts";

const DOCUMENT = join(import.meta.dirname, "../../docs/alerts.md");
const PLACE: GeneratedPart = {
  document: "docs/alerts.md",
  begin: "<!-- rules: made by npm run generate -->",
  end: "<!-- end of rules -->",
};

/** The document's text with a fresh table in its place. Throws when the place is missing. */
export function withRuleTable(document: string, rules: readonly AlertRule[]): string {
  const rows = rules.map((rule) => {
    const { id, summary, for_min, severity, channels, runbook } = rule;
    const lasting = for_min === 0 ? "" : `, for ${for_min} min`;
    const leadsTo = runbook === null ? "–" : `[${runbook}](../runbooks/${runbook}.md)`;
    return `| \`${id}\` | ${summary} | ${conditionText(rule)}${lasting} | ${severity}, ${channels} | ${leadsTo} |`;
  });
  const table = ["| Rule | Says | Fires when | Severity, route | Runbook |", "|---|---|---|---|---|", ...rows].join(
    "\n",
  );
  return withPart(document, PLACE, table);
}

if (import.meta.main) {
  writeFileSync(DOCUMENT, withRuleTable(readFileSync(DOCUMENT, "utf8"), ALL_RULES));
  console.log("docs/alerts.md: table of rules written");
}
