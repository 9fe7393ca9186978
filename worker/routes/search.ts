/** `POST /api/v1/search`. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { search as searchChunks } from "../operations/search.ts";
import { searchAnswer, searchRequest } from "../schemas/search.ts";
import { asksForDebug, declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";
import { json, jsonRequest } from "./json-content.ts";

export const search = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const route = declareRoute("read", {
  method: "post",
  path: "/api/v1/search",
  tags: ["Questions"],
  summary: "Search chunks",
  description: "Full text and vectors fused into one ranking, with the scores of each chunk.",
  request: { body: jsonRequest(searchRequest) },
  responses: {
    200: json(searchAnswer, "Ranked chunks"),
    503: { description: "Mode `vector` while vector search is down" },
  },
});

search.openapi(route, async (c) => {
  const { text } = await searchChunks(c.var.work, { request: c.req.valid("json"), debug: asksForDebug(c) });
  return c.body(text, 200, { "content-type": "application/json; charset=utf-8" });
});
