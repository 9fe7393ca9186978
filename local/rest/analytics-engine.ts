/** `POST /analytics_engine/sql`: a statement in, rows out, without the envelope. Refusals are texts. */
import { type Context, Hono } from "hono";
import type { AnalyticsPoints } from "../telemetry/analytics-points.ts";
import { AnalyticsError } from "../telemetry/analytics-sql.ts";

/** Routes below `/accounts/:account_id`. */
export function analyticsEngineRoutes(points: AnalyticsPoints): Hono {
  const answer = (c: Context, sql: string) => {
    try {
      const { format, meta, rows } = points.query(sql);
      if (format === "JSONEachRow") return c.text(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
      return c.json({ meta, data: rows, rows: rows.length, rows_before_limit_at_least: rows.length });
    } catch (error) {
      if (error instanceof AnalyticsError) return c.text(`Error: ${error.message}`, 422);
      throw error;
    }
  };
  return new Hono()
    .get("/analytics_engine/sql", (c) => answer(c, c.req.query("query") ?? ""))
    .post("/analytics_engine/sql", async (c) => answer(c, await c.req.text()));
}
