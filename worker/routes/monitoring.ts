/** Reports over time, for whoever runs the service. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { updateBaseline } from "../operations/baseline.ts";
import { reportCapacity } from "../operations/capacity.ts";
import { reportPerformance, reportVolume, reportWeek } from "../operations/monitoring.ts";
import { reportQueues } from "../operations/queue-report.ts";
import { periodQuery } from "../schemas/metrics.ts";
import {
  baseline,
  baselineUpdate,
  capacityReport,
  performanceReport,
  queueReport,
  volumeReport,
  weeklyReport,
} from "../schemas/monitoring.ts";
import { declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";
import { json, optionalJsonRequest } from "./json-content.ts";

export const monitoring = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const TAGS = ["Operations"];
const UNAVAILABLE = { description: "What it tells of does not answer" };

const performance = declareRoute("operator admin", {
  method: "get",
  path: "/monitoring/performance",
  tags: TAGS,
  summary: "Latency and errors by route, beside the baseline",
  request: { query: periodQuery },
  responses: { 200: json(performanceReport, "The period"), 503: UNAVAILABLE },
});
monitoring.openapi(performance, async (c) => {
  return c.json(await reportPerformance(c.var.work, c.req.valid("query").period), 200);
});

const volume = declareRoute("operator admin", {
  method: "get",
  path: "/monitoring/request-volume",
  tags: TAGS,
  summary: "Requests by the hour or the day",
  request: { query: periodQuery },
  responses: { 200: json(volumeReport, "The period"), 503: UNAVAILABLE },
});
monitoring.openapi(volume, async (c) => c.json(await reportVolume(c.var.work, c.req.valid("query").period), 200));

const queues = declareRoute("operator admin", {
  method: "get",
  path: "/monitoring/queue-metrics",
  tags: TAGS,
  summary: "Backlogs, messages by outcome, letters that died, and what is owed",
  responses: { 200: json(queueReport, "Now, and the last day"), 503: UNAVAILABLE },
});
monitoring.openapi(queues, async (c) => c.json(await reportQueues(c.var.work), 200));

const week = declareRoute("operator admin", {
  method: "get",
  path: "/monitoring/weekly-report",
  tags: TAGS,
  summary: "The last seven days, beside the baseline",
  responses: { 200: json(weeklyReport, "The week"), 503: UNAVAILABLE },
});
monitoring.openapi(week, async (c) => c.json(await reportWeek(c.var.work), 200));

const capacity = declareRoute("operator admin", {
  method: "get",
  path: "/monitoring/capacity-report",
  tags: TAGS,
  summary: "What is used of allowances and stores, and how long the rest lasts",
  responses: { 200: json(capacityReport, "Of the free plan"), 503: UNAVAILABLE },
});
monitoring.openapi(capacity, async (c) => c.json(await reportCapacity(c.var.work), 200));

const update = declareRoute("operator admin", {
  method: "post",
  path: "/monitoring/baseline-update",
  tags: TAGS,
  summary: "Take how the service does now as how it should do",
  description: "Reports then tell what has become half as bad again. Seen everywhere within a minute.",
  request: { body: optionalJsonRequest(baselineUpdate) },
  responses: {
    200: json(baseline, "The new baseline"),
    409: { description: "Nothing was measured in the period" },
    503: UNAVAILABLE,
  },
});
monitoring.openapi(update, async (c) =>
  c.json(await updateBaseline(c.var.work, baselineUpdate.parse(c.req.valid("json"))), 200),
);
