/** Who used the service, how much of it, and at what price. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { usageSummary } from "../operations/usage-summary.ts";
import { usageSummary as usageSummarySchema } from "../schemas/usage.ts";
import { declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";
import { json } from "./json-content.ts";

export const usage = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const summary = declareRoute("operator admin", {
  method: "get",
  path: "/api/v1/usage/summary",
  tags: ["Operations"],
  summary: "What this day has used",
  responses: {
    200: json(usageSummarySchema, "The current UTC day"),
    503: { description: "The meter does not answer" },
  },
});

usage.openapi(summary, async (c) => c.json(await usageSummary(c.var.work), 200));
