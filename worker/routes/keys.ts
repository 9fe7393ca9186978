/**
 * Managing API keys.
 *
 * A key with the admin scope manages the keys of its own tenant; only the bootstrap secret reaches all tenants and
 * opens new ones. An id of another tenant is answered like one that does not exist.
 */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { App } from "../context.ts";
import type { Principal } from "../ground/principal.ts";
import { Problem } from "../ground/problem.ts";
import { createdKey, keyChange, keyCreation, keyListQuery, keyPage, keyPath, keyView } from "../schemas/keys.ts";
import { declareRoute } from "../security/access.ts";
import { forgetKey } from "../security/key-memory.ts";
import { formatKey, hashSecret, KEY_RANDOM_BYTES } from "../security/keys.ts";
import { refuseInvalid } from "../security/validation.ts";
import { insertKey, type KeyPosition, type KeyRecord, listKeys, revokeKey, updateKey } from "../store/keys.ts";

export const keys = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const PATH = "/api/v1/keys";
const TAGS = ["Keys"];

const list = declareRoute("admin", {
  method: "get",
  path: PATH,
  tags: TAGS,
  summary: "List keys, newest first",
  description: "Revoked and expired ones included. Secrets and their hashes are never shown.",
  request: { query: keyListQuery },
  responses: { 200: { description: "A page of keys", content: { "application/json": { schema: keyPage } } } },
});

const create = declareRoute(
  "admin",
  {
    method: "post",
    path: PATH,
    tags: TAGS,
    summary: "Make a key",
    request: { body: { required: true, content: { "application/json": { schema: keyCreation } } } },
    responses: {
      201: {
        description: "The key, shown this once",
        content: { "application/json": { schema: createdKey } },
      },
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
    body: { required: true, content: { "application/json": { schema: keyChange } } },
  },
  responses: { 200: { description: "The key as it is now", content: { "application/json": { schema: keyView } } } },
});

const revoke = declareRoute("admin", {
  method: "delete",
  path: `${PATH}/{id}`,
  tags: TAGS,
  summary: "Revoke a key",
  description: "Acts within 10 s, also on its tokens, and cannot be undone. Revoking twice changes nothing.",
  request: { params: keyPath },
  responses: { 200: { description: "The revoked key", content: { "application/json": { schema: keyView } } } },
});

keys.openapi(list, async (c) => {
  const { limit, cursor } = c.req.valid("query");
  const after = cursor === undefined ? null : readCursor(cursor);
  const tenant = reach(c.get("principal"));
  const records = await c.get("timings").measure("db", () => listKeys(c.env.DB, tenant, after, limit + 1));
  const page = records.slice(0, limit);
  const last = page.at(-1);
  const next_cursor = records.length > limit && last ? writeCursor(last) : null;
  return c.json({ keys: page.map(viewOf), next_cursor }, 200);
});

keys.openapi(create, async (c) => {
  const { tenant, expires_at, ...wanted } = c.req.valid("json");
  const principal = c.get("principal");
  const allowed = reach(principal);
  if (allowed !== null && tenant !== undefined && tenant !== allowed) {
    throw new Problem("other-tenant", "A key makes keys of its own tenant only; the bootstrap secret makes any.");
  }
  const now_ms = Date.now();
  const { id, secret, key } = formatKey(crypto.getRandomValues(new Uint8Array(KEY_RANDOM_BYTES)));
  const record: KeyRecord = {
    ...wanted,
    id,
    tenant: tenant ?? principal.tenant,
    secret_hash: await hashSecret(c.env.KEY_PEPPER, secret),
    created_at_ms: now_ms,
    expires_at_ms: expiryOf(expires_at, now_ms),
    revoked_at_ms: null,
  };
  await c.get("timings").measure("db", () => insertKey(c.env.DB, record));
  forgetKey(id);
  return c.json({ ...viewOf(record), key }, 201, { location: `${PATH}/${id}` });
});

keys.openapi(change, async (c) => {
  const { id } = c.req.valid("param");
  const { expires_at, ...fields } = c.req.valid("json");
  const expiry = expires_at === undefined ? {} : { expires_at_ms: expiryOf(expires_at, Date.now()) };
  const tenant = reach(c.get("principal"));
  const changed = await c.get("timings").measure("db", () => updateKey(c.env.DB, id, tenant, { ...fields, ...expiry }));
  return c.json(viewOf(found(changed)), 200);
});

keys.openapi(revoke, async (c) => {
  const { id } = c.req.valid("param");
  const tenant = reach(c.get("principal"));
  const revoked = await c.get("timings").measure("db", () => revokeKey(c.env.DB, id, tenant, Date.now()));
  return c.json(viewOf(found(revoked)), 200);
});

/** The tenant whose keys the caller manages; null: all of them. */
function reach(principal: Principal): string | null {
  return principal.via === "secret" ? null : principal.tenant;
}

function found(record: KeyRecord | null): KeyRecord {
  if (record === null) throw new Problem("no-such-key", "There is no key with this id that you may manage.");
  forgetKey(record.id);
  return record;
}

function expiryOf(expires_at: string | null, now_ms: number): number | null {
  if (expires_at === null) return null;
  const expires_at_ms = Date.parse(expires_at);
  if (expires_at_ms > now_ms) return expires_at_ms;
  throw new Problem("invalid-request", "`expires_at` lies in the past. To end a key now, revoke it.", {
    errors: [{ path: "expires_at", message: "must lie in the future" }],
  });
}

function viewOf(record: KeyRecord) {
  const { secret_hash: _, created_at_ms, expires_at_ms, revoked_at_ms, scopes, ...rest } = record;
  return {
    ...rest,
    scopes: [...scopes],
    created_at: new Date(created_at_ms).toISOString(),
    expires_at: expires_at_ms === null ? null : new Date(expires_at_ms).toISOString(),
    revoked_at: revoked_at_ms === null ? null : new Date(revoked_at_ms).toISOString(),
  };
}

function writeCursor({ created_at_ms, id }: KeyPosition): string {
  return `${created_at_ms}.${id}`;
}

function readCursor(cursor: string): KeyPosition {
  const [, created_at_ms, id] = /^(\d{1,15})\.([a-z0-9]+)$/.exec(cursor) ?? [];
  if (created_at_ms !== undefined && id !== undefined) return { created_at_ms: Number(created_at_ms), id };
  throw new Problem("invalid-request", "`cursor` must be the `next_cursor` of an earlier page.", {
    errors: [{ path: "query.cursor", message: "not a cursor of this list" }],
  });
}
