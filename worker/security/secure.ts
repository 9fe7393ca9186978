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
    left: c.req.raw.signal,
  });
  c.set("work", work);
  // Otherwise the runtime drops all of a request whose caller hangs up, in the middle of a write, too, and it is never booked.
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  work.later(answered);
  try {
    await next();
    await discardBody(c.req.raw);
    identify(c);
    work.later(conclude(work, endingOf(c)));
  } finally {
    resolve();
  }
};

/** A method may be any word that a caller makes up. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** What nginx has for a caller who hung up, in logs and figures only: nobody is sent it. */
const CALLER_LEFT = 499;

function endingOf(c: Context<App>): Ending {
  // What the models no longer did for a caller who has gone is no failure of theirs.
  const hasLeft = c.res.status >= 500 && c.var.work.left?.aborted === true;
  const status = hasLeft ? CALLER_LEFT : c.res.status;
  return {
    endpoint: routePattern(c),
    outcome: status >= 500 ? "failed" : status >= 400 ? "refused" : "done",
    // Who is kept out, and why.
    notable: status === 401 || status === 403 || status === 429,
    error: hasLeft ? undefined : c.error,
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
