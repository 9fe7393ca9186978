/** `POST …/query` (rows as objects) and `POST …/raw` (rows as arrays) of a D1 database. */
import { Hono } from "hono";
import { z } from "zod";
import { splitStatements } from "../../infra/sql-statements.ts";
import type { Engine } from "../engine.ts";
import type { TimeTravel } from "../time-travel.ts";
import { type D1Query, D1Refusal, type D1Rows, type QueryD1 } from "./d1-gateway.ts";
import type { D1Holds } from "./d1-hold.ts";
import { refuseBeyondLimits, sqlError } from "./d1-limits.ts";
import { ok } from "./envelope.ts";
import { jsonBody } from "./request-body.ts";
import type { SignedFiles } from "./signed-files.ts";

/** D1's code for a request it cannot read. */
export const D1_MALFORMED = 7400;

const value = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.number().int().min(0).max(255))]);
const query = z.object({ sql: z.string().min(1), params: z.array(value).nullish() });
const queryBody = z.union([z.object({ batch: z.array(query).min(1) }), query], {
  error: "expected {sql, params?} or {batch: [{sql, params?}, …]}",
});

/** What the routes of one database share. */
export interface D1RouteDeps {
  engine: Engine;
  queryD1: QueryD1;
  holds: D1Holds;
  files: SignedFiles;
  timeTravel: TimeTravel;
  /** Throws the API's 404 for an unknown id. */
  databaseExists: (id: string) => unknown;
}

export function d1QueryRoutes({ queryD1, holds, databaseExists }: D1RouteDeps): Hono {
  const run = async (id: string, body: z.infer<typeof queryBody>): Promise<D1Rows[]> => {
    databaseExists(id);
    holds.refuseWhileHeld(id);
    const queries = "batch" in body ? body.batch.flatMap(statements) : statements(body);
    if (queries.length === 0) throw sqlError("No SQL statements detected.");
    return runQueries(queryD1, id, queries);
  };
  return new Hono()
    .post("/d1/database/:id/query", async (c) => {
      const results = await run(c.req.param("id"), await jsonBody(c, queryBody, D1_MALFORMED));
      return ok(
        c,
        results.map(({ columns, rows, meta }) => ({
          results: rows.map((row) => asObject(columns, row)),
          success: true,
          meta,
        })),
      );
    })
    .post("/d1/database/:id/raw", async (c) => {
      const results = await run(c.req.param("id"), await jsonBody(c, queryBody, D1_MALFORMED));
      return ok(
        c,
        results.map(({ columns, rows, meta }) => ({ results: { columns, rows }, success: true, meta })),
      );
    });
}

/** Runs statements in one transaction under D1's limits. @throws ApiError 400, code 7500, with SQLite's message. */
export async function runQueries(queryD1: QueryD1, id: string, queries: readonly D1Query[]): Promise<D1Rows[]> {
  for (const query of queries) refuseBeyondLimits(query);
  try {
    return await queryD1(id, queries);
  } catch (error) {
    if (error instanceof D1Refusal) throw sqlError(error.message);
    throw error;
  }
}

/**
 * The statements of one `sql` text. Cloudflare's `/query` cuts a trigger that stands beside other statements at the
 * semicolons of its body (workers-sdk issue 14991), so this face refuses what would fail there.
 */
function statements({ sql, params }: z.infer<typeof query>): D1Query[] {
  const parts = splitStatements(sql);
  if (parts.length > 1 && parts.some(({ is_trigger }) => is_trigger))
    throw sqlError(
      "incomplete input: SQLITE_ERROR (/query splits a trigger that stands beside other statements at the semicolons " +
        "of its body: send each statement as an entry of `batch`, or the file through /import)",
    );
  if (parts.length > 1 && params && params.length > 0)
    throw sqlError("params belong to one statement, but sql holds several: use `batch` with params for each");
  return parts.map(({ text }) => ({ sql: text, ...(params ? { params } : {}) }));
}

function asObject(columns: string[], row: unknown[]): Record<string, unknown> {
  return Object.fromEntries(columns.map((column, index) => [column, row[index]]));
}
