/** Health: for anyone, and in depth for whoever runs the service. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { WATCHDOG } from "../../infra/inventory.ts";
import { deepHealth } from "../operations/deep-health.ts";
import { currentHealth, currentReadiness, noteWatchdog } from "../operations/health.ts";
import { deepHealth as deepHealthSchema } from "../schemas/deep-health.ts";
import { health as healthSchema, liveness, readiness as readinessSchema } from "../schemas/health.ts";
import { declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { json } from "./json-content.ts";

export const health = new OpenAPIHono<App>();

for (const path of ["/health", "/api/v1/health"] as const) {
  const route = declareRoute("open", {
    method: "get",
    path,
    tags: ["Health"],
    summary: "How the service and what it depends on are doing",
    responses: { 200: json(healthSchema, "Healthy or degraded"), 503: json(healthSchema, "Unhealthy") },
  });
  health.openapi(route, async (c) => {
    const { work } = c.var;
    if (c.req.header("user-agent") === WATCHDOG.name) noteWatchdog(work);
    const report = await currentHealth(work);
    return c.json(report, report.status === "unhealthy" ? 503 : 200);
  });
}

for (const path of ["/health/live", "/livez"] as const) {
  const route = declareRoute("open", {
    method: "get",
    path,
    tags: ["Health"],
    summary: "Whether the Worker runs at all",
    responses: { 200: json(liveness, "It does") },
  });
  health.openapi(route, (c) => c.json({ status: "alive" as const }, 200));
}

for (const path of ["/health/ready", "/readyz"] as const) {
  const route = declareRoute("open", {
    method: "get",
    path,
    tags: ["Health"],
    summary: "Whether questions can be answered",
    responses: { 200: json(readinessSchema, "Ready"), 503: json(readinessSchema, "Not ready") },
  });
  health.openapi(route, async (c) => {
    const readiness = await currentReadiness(c.var.work);
    return c.json(readiness, readiness.ready ? 200 : 503);
  });
}

for (const path of ["/health/deep", "/health/detailed"] as const) {
  const route = declareRoute("operator admin", {
    method: "get",
    path,
    tags: ["Health"],
    summary: "Every dependency, asked for real",
    description:
      "Reads, writes, queries and embeds, all at once and within 5 s; `broken` names what fails. KV is written to four times an hour at most.",
    responses: { 200: json(deepHealthSchema, "Healthy or degraded"), 503: json(deepHealthSchema, "Unhealthy") },
  });
  health.openapi(route, async (c) => {
    const report = await deepHealth(c.var.work);
    return c.json(report, report.status === "unhealthy" ? 503 : 200);
  });
}
