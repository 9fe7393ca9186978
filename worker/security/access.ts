/**
 * The one way to declare a route: with a decision on who may call it.
 *
 * `declareRoute` puts the decision in force (middleware), documents it (OpenAPI security and refusals) and records
 * it, so that a test can find a route that has none.
 */
import { createRoute, type RouteConfig, z } from "@hono/zod-openapi";
import type { Context, Hono, MiddlewareHandler } from "hono";
import { allows, OPERATOR_TENANT, type Scope } from "../ground/principal.ts";
import { Problem } from "../ground/problem.ts";
import { BODY_BYTES_MAX } from "../limits.ts";
import { countRequest } from "../telemetry/day-counts.ts";
import { authenticate, authenticateWebhook } from "./authenticate.ts";
import { jsonBody } from "./body.ts";
import { BOOKMARK_PARAMETER, readSession } from "./bookmark.ts";
import type { App } from "./context.ts";
import { requireOpen, tierNow } from "./controls.ts";
import { errorShape } from "./error-shapes.ts";
import { fileBody } from "./file-body.ts";
import { idempotent } from "./idempotency.ts";
import { checkQuota } from "./quota.ts";
import { limitKey } from "./rate-limit.ts";

/**
 * `open`: anybody, within the limit per address. `any`: whoever holds a valid key. `cloudflare`: Cloudflare's own
 * notifications, which know the webhook's secret. Otherwise the scope it needs.
 */
type Access = "open" | "any" | "cloudflare" | Scope;

/** Before a scope: for keys of the operator's tenant alone, since the route tells of all tenants, or acts on them. */
const OPERATOR = "operator ";

const IDEMPOTENCY_HEADER = {
  name: "Idempotency-Key",
  in: "header",
  description: "Of your choice. A repetition with the same key and body gets the first answer and does nothing else.",
  schema: { type: "string", minLength: 1, maxLength: 128, pattern: "^[\\x21-\\x7e]{1,128}$" },
} as const;

const decisions = new WeakSet<object>();

/**
 * `createRoute` with the access decision in force. `body_bytes_max` raises or lowers the limit of the JSON body,
 * `file_bytes_max` lets a file in that stead; `idempotent` honours `Idempotency-Key` (for POSTs that write and answer JSON, never for streams); with `deferrable` also
 * while a write fence is up, since the route defers its writes (`operations/defer.ts`).
 */
export function declareRoute<P extends string, R extends Omit<RouteConfig, "path"> & { path: P }>(
  decision: Access | `${typeof OPERATOR}${Scope}`,
  route: R,
  options: { body_bytes_max?: number; file_bytes_max?: number; idempotent?: boolean; deferrable?: boolean } = {},
) {
  const whole_service = decision.startsWith(OPERATOR);
  const access = (whole_service ? decision.slice(OPERATOR.length) : decision) as Access;
  const own = route.middleware === undefined ? [] : [route.middleware].flat();
  const body = route.request?.body === undefined ? [] : [jsonBody(options.body_bytes_max ?? BODY_BYTES_MAX)];
  if (options.file_bytes_max !== undefined) body.unshift(fileBody(options.file_bytes_max));
  const replay = options.idempotent === true ? [idempotent(options.deferrable === true)] : [];
  return createRoute<P, R>({
    ...route,
    middleware: [guard(access, whole_service), ...body, ...replay, ...own],
    // For whoever reads the description: keys of other tenants are refused, whatever their scopes.
    ...(whole_service ? { "x-whole-service": true } : {}),
    operationId: route.operationId ?? operationIdOf(route.method, route.path),
    parameters: [
      ...(options.idempotent === true ? [IDEMPOTENCY_HEADER] : []),
      ...(access === "read" || access === "chat" ? [BOOKMARK_PARAMETER] : []),
      ...(route.parameters ?? []),
    ],
    security: securityOf(access),
    request: requestWithDebug(access, route.request),
    responses: { ...refusals(access, whole_service, route, replay.length > 0), ...route.responses },
  });
}

/** `getDocumentsById` of `get /api/v1/documents/{id}`; what is not under `/api/v1` says so: `getRootHealth`. */
function operationIdOf(method: string, path: string): string {
  const versioned = path.startsWith("/api/v1/");
  const words = (versioned ? path.slice("/api/v1".length) : `/root${path}`)
    .replaceAll("{", "by-")
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== "");
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

/** Routes of an app, as `METHOD /path`, that were registered without `declareRoute`. */
export function undeclaredRoutes(app: Hono<App>): string[] {
  const declared = new Map<string, boolean>();
  for (const { method, path, handler } of app.routes) {
    // `app.use` registers middleware for all methods; it serves nothing by itself.
    if (method === "ALL") continue;
    const name = `${method} ${path}`;
    declared.set(name, declared.get(name) === true || decisions.has(handler));
  }
  return [...declared].filter(([, isDeclared]) => !isDeclared).map(([name]) => name);
}

/** As OpenAPI has it: one entry an accepted scheme. */
function securityOf(access: Access): Record<string, string[]>[] {
  if (access === "open") return [];
  return access === "cloudflare" ? [{ webhook: [access] }] : [{ bearer: [access] }, { api_key: [access] }];
}

function guard(access: Access, whole_service: boolean): MiddlewareHandler<App> {
  const middleware = admission(access, whole_service);
  decisions.add(middleware);
  return middleware;
}

function admission(access: Access, whole_service: boolean): MiddlewareHandler<App> {
  if (access === "open") return (_, next) => next();
  if (access === "cloudflare")
    return async (c, next) => {
      await authenticateWebhook(c);
      await next();
    };
  return async (c, next) => {
    const { work } = c.var;
    const principal = await authenticate(c);
    work.principal = principal;
    const ordinal = countRequest(principal.key_id, work.now_ms);
    if (access !== "any" && !allows(principal, access)) {
      throw new Problem("missing-scope", `This route needs the scope \`${access}\`, which the key lacks.`);
    }
    if (whole_service && principal.tenant !== OPERATOR_TENANT)
      throw new Problem(
        "operator-route",
        "This route tells of all tenants: call it with a key of whoever runs the service.",
      );
    // What a write reads first must be the newest, and how far it came is what the caller's next read may need.
    const readsOnly = access === "read" || access === "chat";
    if (readsOnly) work.beginSession(readSession(c.req.header("x-d1-bookmark")));
    else if (access === "write") work.beginSession("first-primary");
    requireOpen(work, access === "write" && c.req.method !== "GET");
    await limitKey(c, { ...principal, rate_tier: tierNow(c, principal) });
    checkQuota(c, principal, ordinal);
    await next();
  };
}

/** Whether the request asks how its answer came about, and may. */
export function asksForDebug(c: Context<App>): boolean {
  return c.req.query("debug") === "1" && allows(c.var.work.caller, "debug");
}

/** Keys with the debug scope may add `?debug=1` to any call, so every strict query schema has to know it. */
const DEBUG_FIELD = {
  debug: z.enum(["0", "1"]).optional().openapi({ description: "1: how the answer came about." }),
};
const DEBUG_QUERY = z.strictObject(DEBUG_FIELD);

function requestWithDebug(access: Access, request: RouteConfig["request"]): RouteConfig["request"] {
  if (access === "open" || access === "cloudflare") return request;
  const query = request?.query;
  if (query === undefined) return { ...request, query: DEBUG_QUERY };
  return query instanceof z.ZodObject ? { ...request, query: query.extend(DEBUG_FIELD) } : request;
}

const REFUSALS = {
  400: "The request does not fit the schema",
  401: "No valid credential",
  403: "The key lacks the scope",
  409: "The first request with this Idempotency-Key still runs",
  413: "The body is too large",
  415: "The body is of a kind that is not taken",
  422: "The Idempotency-Key belongs to another request",
  429: "Too many requests, or the day's quota is used up",
} as const;

const OPERATOR_REFUSAL = "The key lacks the scope, or is not of the operator's tenant (`default`)";

function refusals(
  access: Access,
  whole_service: boolean,
  route: RouteConfig,
  replay: boolean,
): RouteConfig["responses"] {
  const statuses: (keyof typeof REFUSALS)[] = [429];
  if (access === "cloudflare") statuses.push(400, 401);
  else if (access !== "open") statuses.push(400, 401, 403);
  else if (route.request !== undefined) statuses.push(400);
  if (route.request?.body !== undefined) statuses.push(413, 415);
  if (replay) statuses.push(409, 422);
  const { media_type, schema } = errorShape(route.path);
  const content = { [media_type]: { schema } };
  const described = { ...REFUSALS, ...(whole_service ? { 403: OPERATOR_REFUSAL } : {}) };
  return Object.fromEntries(statuses.map((status) => [status, { description: described[status], content }]));
}
