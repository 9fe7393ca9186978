/**
 * What stands before every route, in this order: identification, log line and metering → browser headers → CORS →
 * blocklist and limit per address → 405. Authentication, scopes, limits per key, quotas and body limits come with
 * each route's declaration (`access.ts`), so that a route cannot exist without them.
 */
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { methodNotAllowed as findsOtherMethods } from "hono/method-not-allowed";
import { matchedRoutes } from "hono/route";
import { conclude } from "../telemetry/sink.ts";
import type { Ending } from "../telemetry/unit.ts";
import { Work } from "../work.ts";
import { clientAddress } from "./address.ts";
import { inspectCredential } from "./authenticate.ts";
import { discardBody } from "./body.ts";
import type { App } from "./context.ts";
import { applyControls } from "./controls.ts";
import { failed, methodNotAllowed, notFound } from "./failures.ts";
import { allowListedOrigins, browserHeaders, identify } from "./headers.ts";
import { limitAddress } from "./rate-limit.ts";
import { requireUtf8Target } from "./target.ts";

/** Installs the above on an app that has no routes yet. */
export function secure(app: OpenAPIHono<App>): void {
  app.onError(failed);
  app.notFound(notFound);
  app.use(observe, browserHeaders, allowListedOrigins, admit);
  app.use(findsOtherMethods<App>({ app, onMethodNotAllowed: methodNotAllowed }));
}

/** An id callers may bring along: it goes into logs, headers and the feedback table. */
const REQUEST_ID = /^[\w.-]{8,64}$/;

const observe: MiddlewareHandler<App> = async (c, next) => {
  const brought = c.req.header("x-request-id");
  const work = new Work("request", c.env, c.executionCtx, {
    request_id: brought !== undefined && REQUEST_ID.test(brought) ? brought : crypto.randomUUID(),
    now_ms: Date.now(),
    traceparent: c.req.header("traceparent"),
    ray_id: c.req.header("cf-ray"),
    colo: String(c.req.raw.cf?.colo ?? "local"),
  });
  c.set("work", work);
  await next();
  await discardBody(c.req.raw);
  identify(c);
  work.later(conclude(work, endingOf(c)));
};

/** A method may be any word that a caller makes up. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

function endingOf(c: Context<App>): Ending {
  const { status } = c.res;
  return {
    endpoint: routePattern(c),
    outcome: status >= 500 ? "failed" : status >= 400 ? "refused" : "done",
    // Who is kept out, and why.
    notable: status === 401 || status === 403 || status === 429,
    error: c.error,
    method: METHODS.has(c.req.method) ? c.req.method : "other",
    status_code: status,
    address: clientAddress(c),
  };
}

/** The route as it was declared, e.g. `/api/v1/documents/:id`: paths as sent may hold anything. */
function routePattern(c: Context<App>): string {
  const path = matchedRoutes(c).at(-1)?.path ?? "";
  return path === "" || path === "/*" ? "unmatched" : path;
}

const admit: MiddlewareHandler<App> = async (c, next) => {
  requireUtf8Target(c);
  const [{ proven }] = await Promise.all([inspectCredential(c), applyControls(c)]);
  if (!proven) await limitAddress(c);
  await next();
};
