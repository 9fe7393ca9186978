/** What the figures of a report ask for: each with the command that does it or shows more. Pure. */
import { counted } from "../../worker/ground/counted.ts";
import { BACKUP_AGE_MAX_MS } from "../limits.ts";
import { resourceRows } from "../usage/resources.ts";
import type { Gathered } from "./gather.ts";
import { REPORT_TARGETS as TARGETS } from "./limits.ts";
import type { Recommendation } from "./report.ts";

/** What helps where a resource runs short. */
const RELIEF: Readonly<Record<string, string>> = {
  requests: "logs slow --since 24h",
  d1_rows_read: "db slow",
  d1_rows_written: "index update --dry-run",
  kv_reads: "logs errors --since 24h",
  kv_writes: "cleanup --dry-run",
  neurons: "logs tokens --since 24h",
  "database (bytes)": "cleanup --dry-run",
  "vectors (dimensions)": "index check",
};

/** The most urgent first: what serves nobody, what is about to end, what became worse, what could be better. */
export function recommend(found: Partial<Gathered>, now_ms: number): Recommendation[] {
  return [
    ...openIncidents(found),
    ...firing(found),
    ...shortage(found, now_ms),
    ...backups(found, now_ms),
    ...queues(found),
    ...latency(found),
    ...tokens(found),
  ];
}

function openIncidents({ incidents = [] }: Partial<Gathered>): Recommendation[] {
  return incidents
    .filter(({ resolved_at }) => resolved_at === null)
    .map(({ id, title, state }) => ({
      because: `Incident ${id} (${title}) is ${state}`,
      command: `incident update ${id}`,
    }));
}

function firing({ alerts }: Partial<Gathered>): Recommendation[] {
  return (alerts?.alerts ?? [])
    .filter(({ state, silenced_until }) => state === "firing" && silenced_until === null)
    .map(({ id, summary, runbook }) => ({
      because: `Alert ${id} fires: ${summary}`,
      command: runbook === null ? `alerts show ${id}` : `runbook run ${runbook}`,
    }));
}

function shortage({ capacity }: Partial<Gathered>, now_ms: number): Recommendation[] {
  if (capacity === undefined) return [];
  return resourceRows(capacity, now_ms)
    .filter(({ state, runs_out_at }) => state !== "ok" || isSoon(runs_out_at, now_ms))
    .map(({ resource, usage_percentage, runs_out_at }) => ({
      because: `${resource} is at ${usage_percentage.toFixed(1)} % of what the plan allows${runs_out_at === null ? "" : ` and runs out at ${runs_out_at}`}`,
      command: RELIEF[resource] ?? "usage",
    }));
}

const SOON_MS = 30 * 86_400_000;
function isSoon(at: string | null, now_ms: number): boolean {
  return at !== null && Date.parse(at) - now_ms < SOON_MS;
}

function backups({ backup }: Partial<Gathered>, now_ms: number): Recommendation[] {
  if (backup === undefined) return [];
  if (backup === null) return [{ because: "No backup was ever verified", command: "backup verify" }];
  return now_ms - backup.state_at_ms > 2 * BACKUP_AGE_MAX_MS
    ? [{ because: "The newest verified backup is older than two days", command: "backup create" }]
    : [];
}

function queues({ queues: found }: Partial<Gathered>): Recommendation[] {
  if (found === undefined) return [];
  return found.dead_letters > 0
    ? [{ because: `${counted(found.dead_letters, "message")} died`, command: "queue peek" }]
    : found.owed_since !== null
      ? [{ because: `Vectors are owed since ${found.owed_since}`, command: "index check" }]
      : [];
}

function latency({ performance, week }: Partial<Gathered>): Recommendation[] {
  const measured = performance ?? week;
  if (measured === undefined || measured.all.requests === 0) return [];
  const { all, comparison, index_advice, slow_statements } = measured;
  const p95_ms = all.p95_latency_ms ?? 0;
  const worse = (comparison?.regressions ?? []).filter(({ endpoint }) => endpoint !== "all");
  const asked: Recommendation[] = [];
  const ask = (because: string, command: string) => asked.push({ because, command });
  if (all.error_rate >= TARGETS.error_rate)
    ask(`${(100 * all.error_rate).toFixed(2)} % of the requests failed`, "logs errors --since 24h");
  for (const { endpoint, figure, baseline, now } of worse) {
    const verb = figure === "error_rate" ? "errors" : "slow";
    const change = `${figure} ${round(baseline)} → ${round(now)}`;
    ask(`${endpoint} became worse: ${change}`, `logs ${verb} --since 24h --endpoint '${endpoint}'`);
  }
  if (p95_ms >= TARGETS.p95_latency_ms)
    ask(`Every twentieth request takes ${Math.round(p95_ms)} ms and more`, "logs slow --since 24h");
  for (const { table, advice } of index_advice) ask(`Table ${table}: ${advice}`, "db indexes");
  if (index_advice.length === 0 && slow_statements.length > 0)
    ask(`${counted(slow_statements.length, "statement")} of the database are slow`, "db slow");
  if (comparison === null) ask("There is no baseline: the next report has nothing to compare with", "baseline update");
  return asked;
}

function tokens({ metrics, usage }: Partial<Gathered>): Recommendation[] {
  const used = metrics?.tokens;
  const rating = usage?.quality.rating_mean ?? null;
  const asked: Recommendation[] = [];
  if (used !== undefined && used.input > 0 && used.savings_percentage < TARGETS.saving_percent) {
    const because = `Only ${used.savings_percentage.toFixed(1)} % of the tokens were saved`;
    asked.push({ because, command: "logs tokens --since 7d" });
  }
  if (rating !== null && rating < TARGETS.rating_mean) {
    const because = `Answers are rated ${rating.toFixed(2)} of 5`;
    asked.push({ because, command: "logs query --since 24h --endpoint feedback" });
  }
  return asked;
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
