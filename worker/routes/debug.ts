/** The inside of the service, for whoever runs it. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { environmentOf, healthOfDatabase, rateLimits, stateOfPerformance } from "../operations/debug.ts";
import { statusOfQueues } from "../operations/queue-report.ts";
import { databaseHealth, environment, performanceState, queueStatus, rateLimitStatus } from "../schemas/debug.ts";
import { declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";
import { json } from "./json-content.ts";

export const debug = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const TAGS = ["Operations"];
const UNAVAILABLE = { description: "What it tells of does not answer" };

const env = declareRoute("operator admin", {
  method: "get",
  path: "/debug/env",
  tags: TAGS,
  summary: "Which bindings, variables and secrets are set",
  responses: { 200: json(environment, "Names; no values") },
});
debug.openapi(env, (c) => c.json(environmentOf(c.var.work), 200));

const dbHealth = declareRoute("operator admin", {
  method: "get",
  path: "/debug/db-health",
  tags: TAGS,
  summary: "D1 asked for real, its size and its migrations",
  responses: { 200: json(databaseHealth, "What was found"), 503: UNAVAILABLE },
});
debug.openapi(dbHealth, async (c) => c.json(await healthOfDatabase(c.var.work), 200));

const performance = declareRoute("operator admin", {
  method: "get",
  path: "/debug/performance",
  tags: TAGS,
  summary: "Where time goes: slow statements with plans, advice on indexes, circuits, caches",
  responses: { 200: json(performanceState, "The last hour, and the isolate that answers"), 503: UNAVAILABLE },
});
debug.openapi(performance, async (c) => c.json(await stateOfPerformance(c.var.work), 200));

const limits = declareRoute("operator admin", {
  method: "get",
  path: "/debug/rate-limit-status",
  tags: TAGS,
  summary: "The limits, and what they have refused in the last hour",
  responses: { 200: json(rateLimitStatus, "Limits and refusals"), 503: UNAVAILABLE },
});
debug.openapi(limits, async (c) => c.json(await rateLimits(c.var.work), 200));

const queues = declareRoute("operator admin", {
  method: "get",
  path: "/debug/queue-status",
  tags: TAGS,
  summary: "What waits in the queues, and the newest messages that died",
  responses: { 200: json(queueStatus, "Backlogs and letters"), 503: UNAVAILABLE },
});
debug.openapi(queues, async (c) => c.json(await statusOfQueues(c.var.work), 200));
