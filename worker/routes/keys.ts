/** API keys: made, listed, changed, revoked. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { changeKey, createKey, pageOfKeys, revokeKey } from "../operations/keys.ts";
import { createdKey, keyChange, keyCreation, keyListQuery, keyPage, keyPath, keyView } from "../schemas/keys.ts";
import { declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";
import { json, jsonRequest } from "./json-content.ts";

export const keys = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const PATH = "/api/v1/keys";
const TAGS = ["Keys"];
const NO_SUCH_KEY = { description: "There is no key with this id that the caller may manage" };

const list = declareRoute("admin", {
  method: "get",
  path: PATH,
  tags: TAGS,
  summary: "List keys, newest first",
  description: "Revoked and expired ones included. Secrets and their hashes are never shown.",
  request: { query: keyListQuery },
  responses: { 200: json(keyPage, "A page of keys") },
});

const create = declareRoute(
  "admin",
  {
    method: "post",
    path: PATH,
    tags: TAGS,
    summary: "Make a key",
    request: { body: jsonRequest(keyCreation) },
    responses: {
      201: json(createdKey, "The key, shown this once"),
    },
  },
  { idempotent: true },
);

const change = declareRoute("admin", {
  method: "patch",
  path: `${PATH}/{id}`,
  tags: TAGS,
  summary: "Change a key",
  description: "Acts within 10 s. Tenant and secret cannot change: make another key.",
  request: {
    params: keyPath,
    body: jsonRequest(keyChange),
  },
  responses: {
    200: json(keyView, "The key as it is now"),
    404: NO_SUCH_KEY,
  },
});

const revoke = declareRoute("admin", {
  method: "delete",
  path: `${PATH}/{id}`,
  tags: TAGS,
  summary: "Revoke a key",
  description: "Acts within 10 s, also on its tokens, and cannot be undone. Revoking twice changes nothing.",
  request: { params: keyPath },
  responses: {
    200: json(keyView, "The revoked key"),
    404: NO_SUCH_KEY,
  },
});

keys.openapi(list, async (c) => c.json(await pageOfKeys(c.var.work, c.req.valid("query")), 200));

keys.openapi(create, async (c) => {
  const created = await createKey(c.var.work, c.req.valid("json"));
  return c.json(created, 201, { location: `${PATH}/${created.id}` });
});

keys.openapi(change, async (c) => {
  return c.json(await changeKey(c.var.work, c.req.valid("param").id, c.req.valid("json")), 200);
});

keys.openapi(revoke, async (c) => c.json(await revokeKey(c.var.work, c.req.valid("param").id), 200));
