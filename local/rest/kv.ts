/** KV namespaces and their keys. Values and bulk calls have files of their own. */
import { randomBytes } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import { KV_LIST_KEYS_MAX, KV_LIST_KEYS_MIN } from "../../infra/cloudflare-limits.ts";
import type { Engine } from "../engine.ts";
import type { KvRecord } from "../registry.ts";
import { ApiError, notFound, ok } from "./envelope.ts";
import { kvBulkRoutes } from "./kv-bulk.ts";
import { KV_MALFORMED } from "./kv-entry.ts";
import { kvValueRoutes } from "./kv-values.ts";
import { okPage } from "./pagination.ts";
import { integerQuery, jsonBody } from "./request-body.ts";

const titleBody = z.object({ title: z.string().min(1).max(512) });

/** Routes below `/accounts/:account_id`. */
export function kvRoutes(engine: Engine): Hono {
  const { registry } = engine;
  const namespace = (id: string) => registry.get("kv", id) ?? notFound(10013, "namespace not found");
  const refuseTakenTitle = (title: string, except?: string) => {
    if (registry.list("kv").some((record) => record.title === title && record.id !== except))
      throw new ApiError(400, 10014, "a namespace with this account ID and title already exists");
  };
  return new Hono()
    .get("/storage/kv/namespaces", (c) => {
      const by = c.req.query("order") === "id" ? "id" : "title";
      const records = registry.list("kv").toSorted((a, b) => (a[by] < b[by] ? -1 : 1));
      if (c.req.query("direction") === "desc") records.reverse();
      return okPage(c, records, { default: 20, max: 1000, code: KV_MALFORMED });
    })
    .post("/storage/kv/namespaces", async (c) => {
      const { title } = await jsonBody(c, titleBody, KV_MALFORMED);
      refuseTakenTitle(title);
      const record: KvRecord = { id: randomBytes(16).toString("hex"), title, supports_url_encoding: true };
      registry.put("kv", record.id, record);
      return ok(c, record);
    })
    .get("/storage/kv/namespaces/:id", (c) => ok(c, namespace(c.req.param("id"))))
    .put("/storage/kv/namespaces/:id", async (c) => {
      const record = namespace(c.req.param("id"));
      const { title } = await jsonBody(c, titleBody, KV_MALFORMED);
      refuseTakenTitle(title, record.id);
      registry.put("kv", record.id, { ...record, title });
      return ok(c, { ...record, title });
    })
    .delete("/storage/kv/namespaces/:id", async (c) => {
      const { id } = namespace(c.req.param("id"));
      registry.delete("kv", id);
      await engine.dropData("kv", id);
      return ok(c, null);
    })
    .get("/storage/kv/namespaces/:id/keys", async (c) => {
      const { id } = namespace(c.req.param("id"));
      const limit = integerQuery(c, "limit", {
        min: KV_LIST_KEYS_MIN,
        max: KV_LIST_KEYS_MAX,
        fallback: KV_LIST_KEYS_MAX,
        code: KV_MALFORMED,
      });
      const kv = await engine.kv(id);
      const { prefix, cursor: from } = c.req.query();
      const page = await kv.list({ limit, prefix, cursor: from || undefined });
      const cursor = page.list_complete ? "" : page.cursor;
      return ok(c, page.keys, { result_info: { count: page.keys.length, cursor } });
    })
    .route("/", kvValueRoutes(engine, namespace))
    .route("/", kvBulkRoutes(engine, namespace));
}
