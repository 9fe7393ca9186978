/** Reading what a report is made of: each source on its own, so that one which does not answer leaves a gap that is told. */
import type { z } from "zod";
import { DAY_MS } from "../../worker/ground/time.ts";
import type { AlertList } from "../../worker/schemas/alerts.ts";
import { auditPage } from "../../worker/schemas/audit.ts";
import { requestSeries } from "../../worker/schemas/dashboard.ts";
import { type incident, incidentPage } from "../../worker/schemas/incidents.ts";
import { metrics } from "../../worker/schemas/metrics.ts";
import {
  capacityReport,
  performanceReport,
  queueReport,
  volumeReport,
  weeklyReport,
} from "../../worker/schemas/monitoring.ts";
import { usageSummary } from "../../worker/schemas/usage.ts";
import { readAlerts } from "../alerts/answers.ts";
import { readLastVerified } from "../backup/last-verified.ts";
import { asOpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { type Client, pagesOf } from "../service/client.ts";
import { REPORT_AUDIT_PAGES } from "./limits.ts";

export type Period = "1h" | "24h" | "7d" | "30d";
export const PERIOD_DAYS: Readonly<Record<Period, number>> = { "1h": 1 / 24, "24h": 1, "7d": 7, "30d": 30 };

export interface Gathered {
  performance: z.infer<typeof performanceReport>;
  week: z.infer<typeof weeklyReport>;
  volume: z.infer<typeof volumeReport>;
  metrics: z.infer<typeof metrics>;
  series: z.infer<typeof requestSeries>;
  capacity: z.infer<typeof capacityReport>;
  usage: z.infer<typeof usageSummary>;
  queues: z.infer<typeof queueReport>;
  alerts: AlertList;
  /** That began in the period, or are open. */
  incidents: Pick<
    z.infer<typeof incident>,
    "id" | "title" | "severity" | "state" | "started_at" | "resolved_at" | "timeline"
  >[];
  backup: Awaited<ReturnType<typeof readLastVerified>>;
  /** How often each action was done in the period, by its outcome; `is_whole`: all entries of the period were counted. */
  audit: { counts: { action: string; outcome: string; count: number }[]; is_whole: boolean };
}
export type Source = keyof Gathered;

/** Values of the sources that answered, and why the others did not. */
export async function gather(
  invocation: Invocation,
  sources: readonly Source[],
  period: Period,
): Promise<{ found: Partial<Gathered>; not_known: string[] }> {
  const client = await invocation.client();
  const since = new Date(invocation.now() - PERIOD_DAYS[period] * DAY_MS).toISOString();
  const readers: { [Name in Source]: () => Promise<Gathered[Name]> } = {
    performance: () => client.get(`/monitoring/performance?period=${period}`, performanceReport),
    week: () => client.get("/monitoring/weekly-report", weeklyReport),
    volume: () => client.get(`/monitoring/request-volume?period=${period}`, volumeReport),
    metrics: () => client.get(`/metrics?period=${period}`, metrics),
    series: () => client.get(`/dashboard/series?period=${period}`, requestSeries),
    capacity: () => client.get("/monitoring/capacity-report", capacityReport),
    usage: () => client.get("/api/v1/usage/summary", usageSummary),
    queues: () => client.get("/monitoring/queue-metrics", queueReport),
    alerts: () => readAlerts(client),
    incidents: async () => {
      const incidents: Gathered["incidents"] = [];
      for await (const page of pagesOf(client, "/api/v1/incidents?limit=100", incidentPage))
        incidents.push(...page.incidents);
      return incidents.filter(({ started_at, resolved_at }) => resolved_at === null || started_at >= since);
    },
    backup: async () => readLastVerified(await invocation.target(), invocation.signal),
    audit: () => auditCounts(client, since),
  };
  const found: Partial<Gathered> = {};
  const not_known: string[] = [];
  const read = async <Name extends Source>(name: Name) => {
    try {
      found[name] = await readers[name]();
    } catch (error) {
      not_known.push(`${name}: ${asOpsError(error).message}`);
    }
  };
  await Promise.all(sources.map(read));
  return { found, not_known };
}

async function auditCounts(client: Client, from: string): Promise<Gathered["audit"]> {
  const counts = new Map<string, { action: string; outcome: string; count: number }>();
  let [pages, is_whole] = [0, false];
  for await (const { entries, next_cursor } of pagesOf(client, `/api/v1/audit-logs?from=${from}`, auditPage)) {
    for (const { action, outcome } of entries) {
      const key = `${action} ${outcome}`;
      const known = counts.get(key) ?? { action, outcome, count: 0 };
      counts.set(key, { ...known, count: known.count + 1 });
    }
    pages += 1;
    is_whole = next_cursor === null;
    if (pages === REPORT_AUDIT_PAGES) break;
  }
  const sorted = [...counts.values()].sort((a, b) => b.count - a.count);
  return { counts: sorted, is_whole };
}
