/** The section about what keeps the service running: incidents, alerts, backups, queues, what operators did. Pure. */
import { counted } from "../../worker/ground/counted.ts";
import { shownTime } from "../command/quantities.ts";
import { mttd_s, mttr_s } from "../incident/measures.ts";
import { held, NOTHING } from "./figures.ts";
import type { Gathered } from "./gather.ts";
import { REPORT_ROWS_SHOWN, REPORT_TARGETS } from "./limits.ts";
import type { Figure, Section } from "./report.ts";

export function upkeepSections(
  { alerts, incidents, backup, audit, queues }: Partial<Gathered>,
  now_ms: number,
): Section[] {
  const sections: Section[] = [];
  if (incidents !== undefined)
    sections.push({
      title: "Incidents",
      figures: incidentFigures(incidents),
      table: {
        columns: ["id", "severity", "title", "state", "began", "took"],
        rows: incidents.map(({ id, severity, title, state, started_at, resolved_at }) => [
          id,
          severity,
          title,
          state,
          started_at.slice(0, 16).replace("T", " "),
          resolved_at === null ? "open" : shownTime(Date.parse(resolved_at) - Date.parse(started_at)),
        ]),
      },
    });
  if (alerts !== undefined)
    sections.push({
      title: "Alerts and scheduled jobs now",
      text: alertWords(alerts),
      table: {
        columns: ["job", "result", "at", "succeeded"],
        rows: alerts.jobs.map(({ job, result, at, succeeded_at }) => [job, result, at, succeeded_at ?? "never"]),
      },
    });
  if (backup !== undefined)
    sections.push({
      title: "Backups",
      text:
        backup === null
          ? "No backup was ever verified."
          : `The newest verified one (${backup.snapshot}) holds the state of ${shownTime(now_ms - backup.state_at_ms)} ago.`,
    });
  if (queues !== undefined)
    sections.push({
      title: "Queues",
      text: `${counted(queues.dead_letters, "dead letter")}, ${queues.open_parts} open parts of jobs, ${counted(queues.owed_vectors, "change")} owed to Vectorize.`,
      table: {
        columns: ["queue", "backlog", "oldest"],
        rows: queues.queues.map(({ name, backlog, oldest_at }) => [name, backlog, oldest_at ?? NOTHING]),
      },
    });
  if (audit !== undefined)
    sections.push({
      title: "What was done to the service",
      ...(!audit.is_whole && { text: "The newest entries of the audit log alone: there were more." }),
      table: {
        columns: ["action", "outcome", "times"],
        rows: audit.counts.slice(0, REPORT_ROWS_SHOWN).map(({ action, outcome, count }) => [action, outcome, count]),
      },
    });
  return sections;
}

/** How long it took to notice them and to end them, of those of which that is known. */
function incidentFigures(incidents: Gathered["incidents"]): Figure[] {
  const mean = (name: string, spans_s: (number | null)[], limit_s: number): Figure => {
    const known = spans_s.filter((span_s) => span_s !== null);
    const mean_s = known.length === 0 ? null : known.reduce((sum, span_s) => sum + span_s, 0) / known.length;
    const shown = (span_s: number) => shownTime(1_000 * span_s);
    return held(name, mean_s, shown, { below: limit_s, told: shown(limit_s) });
  };
  return [
    mean("mean time to detect", incidents.map(mttd_s), REPORT_TARGETS.mttd_s),
    mean("mean time to recover", incidents.map(mttr_s), REPORT_TARGETS.mttr_s),
  ];
}

function alertWords({ alerts }: Gathered["alerts"]): string {
  const firing = alerts.filter(({ state }) => state === "firing").map(({ id }) => id);
  return firing.length === 0 ? "No alert fires." : `Firing: ${firing.join(", ")}.`;
}
