/** What the service has done, for whoever runs it. */
import { OpenAPIHono, z } from "@hono/zod-openapi";
import { accepts } from "hono/accepts";
import { metricsOf, prometheusFamilies } from "../operations/metrics.ts";
import { metricsQuery, metrics as metricsSchema } from "../schemas/metrics.ts";
import { declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";
import { OPEN_METRICS_TYPE, PLAIN_METRICS_TYPE, renderMetrics } from "../telemetry/open-metrics.ts";

export const metrics = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const JSON_TYPE = "application/json";
const [OPEN_METRICS, PLAIN] = ["application/openmetrics-text", "text/plain"] as const;

const read = declareRoute("operator metrics", {
  method: "get",
  path: "/metrics",
  tags: ["Operations"],
  summary: "What the service has done",
  description:
    "Counts are exact but for work that is less than a second old. Prometheus and OpenMetrics by `Accept`, or `?format=prometheus`.",
  request: { query: metricsQuery },
  responses: {
    200: {
      description: "Figures of a period, or counters since the beginning",
      content: {
        [JSON_TYPE]: { schema: metricsSchema },
        [PLAIN]: { schema: z.string() },
        [OPEN_METRICS]: { schema: z.string() },
      },
    },
    503: { description: "The meter does not answer" },
  },
});

metrics.openapi(read, async (c) => {
  const { work } = c.var;
  const { period, format } = c.req.valid("query");
  c.header("vary", "Accept", { append: true });
  const accepted = accepts(c, { header: "Accept", supports: [JSON_TYPE, OPEN_METRICS, PLAIN], default: JSON_TYPE });
  if (format === "json" || (format === undefined && accepted === JSON_TYPE))
    return c.json(await metricsOf(work, period), 200);
  const isOpen = accepted === OPEN_METRICS;
  const text = renderMetrics(await prometheusFamilies(work), isOpen ? "openmetrics" : "plain");
  return c.body(text, 200, { "content-type": isOpen ? OPEN_METRICS_TYPE : PLAIN_METRICS_TYPE });
});
