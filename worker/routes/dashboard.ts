/** The dashboard: a shell for anybody, and for operators the series that only it draws. */
import { OpenAPIHono, z } from "@hono/zod-openapi";
import { requestSeries } from "../operations/request-series.ts";
import { DASHBOARD_SCRIPT_PATH, dashboardPage } from "../pages/app-pages.ts";
import { DASHBOARD_SCRIPT } from "../pages/page-scripts.ts";
import { requestSeries as requestSeriesSchema } from "../schemas/dashboard.ts";
import { periodQuery } from "../schemas/metrics.ts";
import { declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";
import { json } from "./json-content.ts";
import { SCRIPT, SCRIPTED_PAGE } from "./page-headers.ts";

export const dashboard = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const characters = z.string();
const tags = ["Operations"];

const page = declareRoute("open", {
  method: "get",
  path: "/dashboard",
  tags,
  summary: "The operator's page",
  description:
    "A shell without data. It asks for a key with the scope `admin`, keeps it in the tab, and fetches what it shows.",
  responses: { 200: { description: "A page", content: { "text/html": { schema: characters } } } },
});

const script = declareRoute("open", {
  method: "get",
  path: DASHBOARD_SCRIPT_PATH,
  hide: true,
  responses: { 200: { description: "The page's script", content: { "text/javascript": { schema: characters } } } },
});

const series = declareRoute("operator admin", {
  method: "get",
  path: "/dashboard/series",
  tags,
  summary: "Requests, errors, latency, cache hits and tokens over time",
  description: "What the dashboard draws: some dozens of steps, the last of which is not over yet.",
  request: { query: periodQuery },
  responses: { 200: json(requestSeriesSchema, "Oldest first"), 503: { description: "The meter does not answer" } },
});

dashboard.openapi(page, (c) => c.html(dashboardPage(), 200, SCRIPTED_PAGE));
dashboard.openapi(script, (c) => c.body(DASHBOARD_SCRIPT, 200, SCRIPT));
dashboard.openapi(series, async (c) => c.json(await requestSeries(c.var.work, c.req.valid("query").period), 200));
