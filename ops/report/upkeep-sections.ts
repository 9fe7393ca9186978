/** The section about what keeps the service running: incidents, alerts, backups, queues, what operators did. Pure. */
import { shownTime } from "../command/quantities.ts";
import { NOTHING } from "./figures.ts";
import type { Gathered } from "./gather.ts";
import { REPORT_ROWS_SHOWN } from "./limits.ts";
import type { Section } from "./report.ts";

export function upkeepSections(
  { alerts, incidents, backup, audit, queues }: Partial<Gathered>,
  now_ms: number,
): Section[] {
  const sections: Section[] = [];
  if (incidents !== undefined)
    sections.push({
      title: "Incidents",
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
      text: `${queues.dead_letters} dead letters, ${queues.open_parts} open parts of jobs, ${queues.owed_vectors} changes owed to Vectorize.`,
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

function alertWords({ alerts }: Gathered["alerts"]): string {
  const firing = alerts.filter(({ state }) => state === "firing").map(({ id }) => id);
  return firing.length === 0 ? "No alert fires." : `Firing: ${firing.join(", ")}.`;
}
