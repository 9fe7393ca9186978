/** The draft of a post-mortem as Markdown. Pure. */

import type { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { harmless } from "../command/output.ts";
import { shownTime } from "../command/quantities.ts";
import { nameOf, type ShownIncident } from "./answers.ts";
import type { Happened } from "./events.ts";
import type { impact } from "./measures.ts";

interface Measured {
  mttd_s: number | null;
  mttr_s: number | null;
  impact: z.infer<typeof impact> | null;
}

/** What is known stands in it; what only people know is asked in italics. */
export function postmortemDraft(
  incident: ShownIncident,
  timeline: readonly (Happened & { is_public: boolean })[],
  measured: Measured,
): string {
  const { title, severity, components, commander, started_at, resolved_at, action_items } = incident;
  const span = (s: number | null, otherwise: string) => (s === null ? otherwise : shownTime(1_000 * s));
  const rows = timeline.map(({ at, source, text }) => `| ${at} | ${source} | ${cell(text)} |`);
  const items = action_items.map(({ id, text, owner, due, done_at }) => {
    return `| ${id} | ${cell(text)} | ${cell(owner ?? "nobody yet")} | ${due ?? ""} | ${done_at ?? "open"} |`;
  });
  return `# Post-mortem: ${harmless(title)}

Incident ${nameOf(incident)}, ${severity}, ${components.join(", ")}; led by ${harmless(commander ?? "nobody named")}. This describes what happened and why it could, and blames nobody.

| | |
|---|---|
| began | ${started_at} |
| ended | ${resolved_at ?? "it is still open"} |
| time to detect (MTTD) | ${span(measured.mttd_s, "not known: nothing tells when it was noticed")} |
| time to recover (MTTR) | ${span(measured.mttr_s, "it is still open")} |
| impact | ${impactTold(measured.impact)} |

## What happened

_In two or three sentences, for somebody who was not there: what callers noticed, what was wrong, what mended it._

## Why it could happen

_The causes, not the culprit. Ask of each why it was possible, until the answer is something that can be changed._

## What went well, what did not, where we were lucky

_Did an alert tell it? Was the runbook right? What was slower than it had to be?_

## Timeline (UTC)

| When | From | What |
|---|---|---|
${rows.join("\n")}

## What must be done

${items.length > 0 ? `| | What | Who | Until | Done |\n|---|---|---|---|---|\n${items.join("\n")}` : `Nothing is noted yet: \`npm run ops -- incident update ${nameOf(incident)} --action "…" --owner NAME --due DAY\`.`}
`;
}

function impactTold(impact: Measured["impact"]): string {
  if (impact === null) return "not known";
  const { requests, failed, p95_latency_ms_max, step_minutes } = impact;
  const share = requests === 0 ? "" : ` (${((failed / requests) * 100).toFixed(1)} %)`;
  const slow = p95_latency_ms_max === null ? "" : `; p95 up to ${Math.round(p95_latency_ms_max)} ms`;
  return `${failed} of ${counted(requests, "request")} failed${share}${slow}; counted in steps of ${step_minutes} min`;
}

function cell(text: string): string {
  return harmless(text).replaceAll("|", "\\|");
}
