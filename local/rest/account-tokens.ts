/**
 * Account API tokens: made, listed, changed and revoked here, and valid for this API and for S3 at once.
 *
 * A permission group becomes one of the scopes of `credentials.ts`. Groups for objects of single buckets give scopes that only
 * S3 knows (`s3/rights.ts`).
 */
import { createHash, randomBytes } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import type { Engine } from "../engine.ts";
import type { AccountTokenRecord } from "../registry.ts";
import type { ApiToken } from "./credentials.ts";
import { ApiError, notFound, ok } from "./envelope.ts";
import { okPage } from "./pagination.ts";
import { jsonBody } from "./request-body.ts";

const TOKENS_MALFORMED = 1001;
const TOKEN_NOT_FOUND = 1003;

const ACCOUNT = "com.cloudflare.api.account";
const ZONE = "com.cloudflare.api.account.zone";
const BUCKET = "com.cloudflare.edge.r2.bucket";

/** Products whose groups are called `<name> Read` and `<name> Write`, and the scope each gives here. */
const PRODUCT_GROUPS = {
  "Account API Tokens": "tokens",
  "Account Settings": null,
  Billing: "billing",
  D1: "d1",
  Logs: "logpush",
  Notifications: "alerting",
  Queues: "queues",
  Vectorize: "vectorize",
  "Workers AI": "ai",
  "Workers KV Storage": "kv",
  "Workers Observability": "observability",
  "Workers R2 Storage": "r2",
  "Workers Scripts": "workers",
} as const;
const ZONE_GROUPS = {
  DNS: null,
  "Health Checks": "healthchecks",
  Logs: null,
  "Workers Routes": null,
  Zone: "zone",
  "Zone WAF": "waf",
} as const;

interface PermissionGroup {
  id: string;
  name: string;
  scopes: string[];
  /** What it allows here. */
  grants: string | null;
}

const group = (name: string, scope: string, grants: string | null): PermissionGroup => ({
  // Cloudflare's ids are just as opaque, and others: a program must look them up by name.
  id: createHash("sha256").update(`${name} for ${scope}`).digest("hex").slice(0, 32),
  name,
  scopes: [scope],
  grants,
});

const products = (groups: Record<string, string | null>, scope: string): PermissionGroup[] =>
  Object.entries(groups).flatMap(([name, product]) => [
    group(`${name} Read`, scope, product && `${product}:read`),
    group(`${name} Write`, scope, product && `${product}:edit`),
  ]);

/** https://developers.cloudflare.com/fundamentals/api/reference/permissions/ */
const PERMISSION_GROUPS: readonly PermissionGroup[] = [
  ...products(PRODUCT_GROUPS, ACCOUNT),
  group("Account Analytics Read", ACCOUNT, "analytics:read"),
  group("Workers Tail Read", ACCOUNT, "tail:read"),
  ...products(ZONE_GROUPS, ZONE),
  group("Workers R2 Storage Bucket Item Read", BUCKET, "objects:read"),
  group("Workers R2 Storage Bucket Item Write", BUCKET, "objects:edit"),
];

const GROUPS = new Map(PERMISSION_GROUPS.map((one) => [one.id, one]));

const tokenBody = z.object({
  name: z.string().min(1).max(120),
  policies: z
    .array(
      z.object({
        effect: z.literal("allow", "the local platform knows policies that allow, and no others"),
        permission_groups: z.array(z.object({ id: z.string() })).min(1),
        resources: z.record(z.string(), z.unknown()),
      }),
    )
    .min(1),
  expires_on: z.iso.datetime({ offset: true }).optional(),
  not_before: z.iso.datetime({ offset: true }).optional(),
  condition: z.undefined("the local platform keeps no condition: everybody's address is its own").optional(),
});
const changeBody = tokenBody.extend({ status: z.enum(["active", "disabled"]).optional() });

/** Every token that may authenticate at `now_ms`. */
export function issuedTokens(
  { registry, account_id }: Pick<Engine, "registry" | "account_id">,
  now_ms: number,
): ApiToken[] {
  return registry
    .list("account_token")
    .filter(({ status, expires_on, not_before, condition, policies }) => {
      const begun = not_before === undefined || Date.parse(not_before) <= now_ms;
      // What an older platform took and did not keep to.
      const kept = condition === undefined && policies.every(({ effect }) => effect === "allow");
      return status === "active" && begun && kept && (expires_on === undefined || Date.parse(expires_on) > now_ms);
    })
    .map(({ id, value, policies }) => {
      const scopes = policies.flatMap(({ permission_groups, resources }) =>
        permission_groups.flatMap((one) => scopesOf(GROUPS.get(one.id), resources, account_id)),
      );
      return { id, value, scopes };
    });
}

/**
 * A group counts for what the policy names of its kind: the account, `<scope>:<zone>` for a zone or `<scope>` for all of them, and
 * `<scope>:<bucket>` for the items of a bucket, which is called `<account>_<jurisdiction>_<bucket>`.
 */
function scopesOf(
  group: PermissionGroup | undefined,
  resources: Record<string, unknown>,
  account_id: string,
): string[] {
  if (!group?.grants) return [];
  const { grants } = group;
  const [kind = ""] = group.scopes;
  const account = [account_id, "*"].map((id) => resources[`${ACCOUNT}.${id}`]);
  if (kind === ACCOUNT) return account.includes("*") ? [grants] : [];
  // An account's zones are named below it: {"com.cloudflare.api.account.ID": {"com.cloudflare.api.account.zone.*": "*"}}.
  const nested = account.flatMap((below) => (below !== null && typeof below === "object" ? Object.keys(below) : []));
  return [...Object.keys(resources), ...nested].flatMap((resource) => {
    const name = resource.startsWith(`${kind}.`) ? resource.slice(kind.length + 1) : "";
    if (kind === ZONE) return name === "*" ? [grants] : name === "" ? [] : [`${grants}:${name}`];
    const [owner, , ...bucket] = name.split("_");
    return owner === account_id ? [`${grants}:${bucket.join("_")}`] : [];
  });
}

/** Routes below `/accounts/:account_id`. */
export function accountTokenRoutes(engine: Engine): Hono {
  const { registry } = engine;
  const timestamp = () => new Date(engine.now()).toISOString();
  const token = (id: string) =>
    registry.get("account_token", id) ?? notFound(TOKEN_NOT_FOUND, `The token ${id} does not exist.`);
  const shown = ({ value: _, ...record }: AccountTokenRecord) => record;
  const resolved = (policies: z.infer<typeof tokenBody>["policies"]): AccountTokenRecord["policies"] =>
    policies.map((policy) => ({
      ...policy,
      id: randomBytes(16).toString("hex"),
      permission_groups: policy.permission_groups.map(({ id }) => {
        const known = GROUPS.get(id);
        if (!known) throw new ApiError(400, TOKENS_MALFORMED, `There is no permission group ${id}`);
        return { id, name: known.name };
      }),
    }));

  return new Hono()
    .get("/tokens/permission_groups", (c) => {
      const { name, scope } = c.req.query();
      const groups = PERMISSION_GROUPS.filter(
        (one) => (name === undefined || one.name === name) && (scope === undefined || one.scopes.includes(scope)),
      );
      return ok(
        c,
        groups.map(({ grants: _, ...one }) => one),
      );
    })
    .get("/tokens", (c) =>
      okPage(c, registry.list("account_token").map(shown), { default: 20, max: 50, code: TOKENS_MALFORMED }),
    )
    .post("/tokens", async (c) => {
      const { policies, ...fields } = await jsonBody(c, tokenBody, TOKENS_MALFORMED);
      const now = timestamp();
      const record: AccountTokenRecord = {
        ...fields,
        id: randomBytes(16).toString("hex"),
        value: randomBytes(30).toString("base64url"),
        status: "active",
        issued_on: now,
        modified_on: now,
        policies: resolved(policies),
      };
      registry.put("account_token", record.id, record);
      // The only answer that ever carries the value.
      return ok(c, record);
    })
    .get("/tokens/:id", (c) => ok(c, shown(token(c.req.param("id")))))
    .put("/tokens/:id", async (c) => {
      const record = token(c.req.param("id"));
      const { policies, status = record.status, ...fields } = await jsonBody(c, changeBody, TOKENS_MALFORMED);
      const { id, value, issued_on } = record;
      const changed = {
        ...fields,
        id,
        value,
        status,
        issued_on,
        modified_on: timestamp(),
        policies: resolved(policies),
      };
      registry.put("account_token", id, changed);
      return ok(c, shown(changed));
    })
    .delete("/tokens/:id", (c) => {
      const { id } = token(c.req.param("id"));
      registry.delete("account_token", id);
      return ok(c, { id });
    });
}
