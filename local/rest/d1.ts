/** D1 databases: create, list, read, change, delete. Queries, dumps and Time Travel have files of their own. */
import { randomUUID } from "node:crypto";
import { type Context, Hono } from "hono";
import { z } from "zod";
import type { D1Record } from "../registry.ts";
import { d1ExportRoutes } from "./d1-export.ts";
import type { QueryD1 } from "./d1-gateway.ts";
import { D1Holds } from "./d1-hold.ts";
import { d1ImportRoutes } from "./d1-import.ts";
import { D1_MALFORMED, type D1RouteDeps, d1QueryRoutes, runQueries } from "./d1-query.ts";
import { d1TimeTravelRoutes } from "./d1-time-travel.ts";
import { ApiError, notFound, ok } from "./envelope.ts";
import { okPage } from "./pagination.ts";
import { jsonBody } from "./request-body.ts";

const replication = z.object({ mode: z.enum(["auto", "disabled"]) });
const createBody = z.object({
  name: z.string().regex(/^[a-z0-9][a-z0-9-_]{0,62}$/i, "1 to 63 letters, digits, dashes or underscores"),
  primary_location_hint: z.string().optional(),
  jurisdiction: z.string().nullish(),
  read_replication: replication.optional(),
});

/** Routes below `/accounts/:account_id`. */
export function d1Routes(deps: Pick<D1RouteDeps, "engine" | "timeTravel" | "files">): Hono {
  const { engine, timeTravel } = deps;
  const { registry } = engine;
  const queryD1: QueryD1 = (databaseId, queries) => engine.queryD1(databaseId, queries);
  const holds = new D1Holds(() => engine.now());
  const database = (id: string) => registry.get("d1", id) ?? notFound(7404, `The database ${id} could not be found`);
  const info = async (record: D1Record) => {
    const [tables] = await runQueries(queryD1, record.uuid, [
      {
        sql: "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'",
      },
    ]);
    return {
      ...record,
      num_tables: tables?.rows[0]?.[0] ?? 0,
      file_size: tables?.meta.size_after ?? 0,
      jurisdiction: null,
    };
  };
  const update = async (
    c: Context,
    id: string,
    body: { read_replication?: D1Record["read_replication"] | undefined },
  ) => {
    const record = database(id);
    const changed = { ...record, read_replication: body.read_replication ?? record.read_replication };
    registry.put("d1", record.uuid, changed);
    return ok(c, await info(changed));
  };
  const shared: D1RouteDeps = { ...deps, queryD1, holds, databaseExists: database };
  return new Hono()
    .get("/d1/database", (c) => {
      const name = c.req.query("name");
      const records = registry.list("d1").filter((record) => name === undefined || record.name.includes(name));
      return okPage(c, records, { default: 100, max: 10_000, code: D1_MALFORMED });
    })
    .post("/d1/database", async (c) => {
      const { name, read_replication } = await jsonBody(c, createBody, D1_MALFORMED);
      if (registry.list("d1").some((record) => record.name === name))
        throw new ApiError(400, 7502, `Database with name '${name}' already exists`);
      const record: D1Record = {
        uuid: randomUUID(),
        name,
        created_at: new Date(engine.now()).toISOString(),
        version: "production",
        read_replication: read_replication ?? { mode: "disabled" },
      };
      registry.put("d1", record.uuid, record);
      // Nothing is in it yet; the engine makes its file at the first query.
      return ok(c, { ...record, num_tables: 0, file_size: 0, jurisdiction: null });
    })
    .get("/d1/database/:id", async (c) => {
      const id = c.req.param("id");
      // wrangler looks a database up by its name here.
      const named = registry.list("d1").find(({ name }) => name === id);
      return ok(c, await info(named ?? database(id)));
    })
    .put("/d1/database/:id", async (c) =>
      update(c, c.req.param("id"), await jsonBody(c, z.object({ read_replication: replication }), D1_MALFORMED)),
    )
    .patch("/d1/database/:id", async (c) =>
      update(
        c,
        c.req.param("id"),
        await jsonBody(c, z.object({ read_replication: replication.optional() }), D1_MALFORMED),
      ),
    )
    .delete("/d1/database/:id", async (c) => {
      const { uuid } = database(c.req.param("id"));
      registry.delete("d1", uuid);
      await engine.dropData("d1", uuid);
      await timeTravel.forget(uuid);
      return ok(c, null);
    })
    .route("/", d1QueryRoutes(shared))
    .route("/", d1ExportRoutes(shared))
    .route("/", d1ImportRoutes(shared))
    .route("/", d1TimeTravelRoutes(shared));
}
