/** Bench peer: a bare Hono Worker that answers one FTS5 query with the rows it found. What any search costs here. */
import type { D1Database } from "@cloudflare/workers-types";
import { Hono } from "hono";
import { load } from "./load.ts";

export default new Hono<{ Bindings: { DB: D1Database } }>()
  .post("/load", async (c) => c.json(await load(c.env.DB, await c.req.json())))
  .get("/query", async (c) => {
    const words = (c.req.query("q") ?? "").split(" ").map((word) => `"${word}"`);
    const { results } = await c.env.DB.prepare(
      `SELECT chunks.id, chunks.title, chunks.text, rank AS score
       FROM chunks_fts JOIN chunks ON chunks.id = chunks_fts.rowid
       WHERE chunks_fts MATCH ?1 ORDER BY rank LIMIT 10`,
    )
      .bind(words.join(" OR "))
      .all();
    return c.json({ hits: results });
  });
