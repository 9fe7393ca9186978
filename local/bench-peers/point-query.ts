/** Bench peer: a bare Hono Worker that answers one D1 point query. What the cheapest useful request costs here. */
import type { D1Database } from "@cloudflare/workers-types";
import { Hono } from "hono";
import { load } from "./load.ts";

export default new Hono<{ Bindings: { DB: D1Database } }>()
  .post("/load", async (c) => c.json(await load(c.env.DB, await c.req.json())))
  .get("/query", async (c) =>
    c.json(await c.env.DB.prepare("SELECT id, title, text FROM chunks WHERE id = ?1").bind(c.req.query("id")).first()),
  );
