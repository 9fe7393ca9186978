/** Workers Logs by `/workers/observability/telemetry`: the views events, calculations and invocations, fields and their values. */
import { randomUUID } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import type { Engine } from "../engine.ts";
import { LOG_QUERY_EVENTS_DEFAULT, LOG_QUERY_EVENTS_MAX, LOG_QUERY_GROUPS_DEFAULT } from "../limits.ts";
import { calculation, groupBy } from "../telemetry/calculations.ts";
import { combination, fieldType, filter, needle } from "../telemetry/event-fields.ts";
import { LogQueries } from "../telemetry/log-query.ts";
import type { LogStore } from "../telemetry/log-store.ts";
import { ApiError, ok } from "./envelope.ts";
import { jsonBody } from "./request-body.ts";

const MALFORMED = 1001;
const filters = z.array(filter).optional();
const timeframe = z
  .strictObject({ from: z.int().min(0), to: z.int().min(0) })
  .refine(({ from, to }) => from < to, "from must be earlier than to");
const comparison = z.enum(["eq", "neq", "gt", "gte", "lt", "lte"]);
const parameters = z.strictObject({
  calculations: z.array(calculation).optional(),
  datasets: z.array(z.string()).optional(),
  filterCombination: combination.optional(),
  filters,
  groupBys: z.array(groupBy).optional(),
  havings: z.array(z.strictObject({ key: z.string(), operation: comparison, value: z.number() })).optional(),
  limit: z.int().min(1).max(LOG_QUERY_EVENTS_MAX).optional(),
  needle: needle.optional(),
  orderBy: z.strictObject({ value: z.string(), order: z.enum(["asc", "desc"]).optional() }).optional(),
});
const queryBody = z.strictObject({
  queryId: z.string().min(1),
  timeframe,
  chart: z.boolean().optional(),
  chartType: z.enum(["timeseries_and_aggregate", "timeseries", "aggregate", "distribution"]).optional(),
  compare: z.boolean().optional(),
  dry: z.boolean().optional(),
  granularity: z.int().min(1).optional(),
  ignoreSeries: z.boolean().optional(),
  limit: z.int().min(1).max(LOG_QUERY_EVENTS_MAX).optional(),
  offset: z.string().optional(),
  offsetDirection: z.enum(["next", "prev"]).optional(),
  parameters: parameters.optional(),
  view: z.enum(["traces", "events", "calculations", "invocations", "requests", "agents"]).optional(),
});
const selection = { datasets: z.array(z.string()).optional(), filters, needle: needle.optional() };
const keysBody = z.strictObject({
  ...selection,
  from: z.int().min(0).optional(),
  to: z.int().min(0).optional(),
  keyNeedle: needle.optional(),
  limit: z.int().min(1).optional(),
});
const valuesBody = z.strictObject({
  ...selection,
  timeframe,
  key: z.string().min(1),
  type: fieldType,
  limit: z.int().min(1).optional(),
});

/** Routes below `/accounts/:account_id`. */
export function telemetryRoutes(engine: Engine, store: LogStore): Hono {
  const queries = new LogQueries(store);
  return new Hono()
    .post("/workers/observability/telemetry/query", async (c) => {
      const body = await jsonBody(c, queryBody, MALFORMED);
      if (body.parameters === undefined)
        throw new ApiError(404, MALFORMED, `There is no saved query ${body.queryId}: send parameters`);
      const begun_ms = performance.now();
      const { view, rows_read } = await answer(queries, { ...body, parameters: body.parameters });
      const statistics = { elapsed: (performance.now() - begun_ms) / 1000, rows_read, bytes_read: 0 };
      return ok(c, { run: runRecord(engine, body, statistics), statistics, ...view });
    })
    .post("/workers/observability/telemetry/keys", async (c) => {
      const body = await jsonBody(c, keysBody, MALFORMED);
      const { from = 0, to = engine.now(), keyNeedle, limit = LOG_QUERY_EVENTS_MAX, ...rest } = body;
      return ok(c, await queries.keys({ ...rest, timeframe: { from, to } }, keyNeedle, limit));
    })
    .post("/workers/observability/telemetry/values", async (c) => {
      const { key, type, limit = LOG_QUERY_EVENTS_MAX, ...rest } = await jsonBody(c, valuesBody, MALFORMED);
      return ok(c, await queries.values(rest, key, type, limit));
    });
}

type Query = z.output<typeof queryBody> & { parameters: z.output<typeof parameters> };

async function answer(queries: LogQueries, body: Query): Promise<{ view: object; rows_read: number }> {
  const { parameters: asked, view = "events", timeframe: time } = body;
  const { datasets, filters: wanted, filterCombination, needle: sought } = asked;
  const selected = { timeframe: time, datasets, filters: wanted, filterCombination, needle: sought };
  const page = {
    ...selected,
    limit: body.limit ?? asked.limit ?? LOG_QUERY_EVENTS_DEFAULT,
    offset: body.offset,
    direction: body.offsetDirection ?? "next",
  };
  switch (view) {
    case "events": {
      const { result, rows_read } = await queries.events(page);
      return { view: { events: result }, rows_read };
    }
    case "invocations": {
      const { result, rows_read } = await queries.invocations(page);
      return { view: { invocations: result }, rows_read };
    }
    case "calculations": {
      const { chartType = "timeseries_and_aggregate", compare } = body;
      if (chartType === "distribution" || compare === true)
        throw new ApiError(400, MALFORMED, "The local platform computes no distribution and no comparison");
      if (!asked.calculations?.length) throw new ApiError(400, MALFORMED, "This view needs parameters.calculations");
      const { result, rows_read } = await queries.calculations({
        ...selected,
        calculations: asked.calculations,
        groupBys: asked.groupBys ?? [],
        havings: asked.havings ?? [],
        orderBy: asked.orderBy,
        limit: asked.limit ?? body.limit ?? LOG_QUERY_GROUPS_DEFAULT,
        granularity: body.granularity,
        with_series: body.ignoreSeries !== true && chartType !== "aggregate",
        with_aggregates: chartType !== "timeseries",
      });
      return { view: { calculations: result }, rows_read };
    }
    default:
      throw new ApiError(
        400,
        MALFORMED,
        `The local platform has no view ${view}: use events, calculations or invocations`,
      );
  }
}

/** The record of a query that nobody saved. */
function runRecord(
  engine: Engine,
  { queryId, dry = false, granularity = 0, timeframe: time, ...body }: Query | z.output<typeof queryBody>,
  statistics: object,
) {
  const at = new Date(engine.now()).toISOString();
  const who = engine.account_id;
  const query = {
    id: queryId,
    adhoc: true,
    created: at,
    createdBy: who,
    description: null,
    name: queryId,
    parameters: body.parameters,
    updated: at,
    updatedBy: who,
  };
  return {
    id: randomUUID(),
    accountId: who,
    userId: who,
    dry,
    granularity,
    query,
    status: "COMPLETED",
    timeframe: time,
    created: at,
    updated: at,
    statistics,
  };
}
