/**
 * What stands before every route, in this order: identification, log line and metering → browser headers → CORS →
 * blocklist and limit per address → 405. Authentication, scopes, limits per key, quotas and body limits come with
 * each route's declaration (`access.ts`), so that a route cannot exist without them.
 */
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { methodNotAllowed as findsOtherMethods } from "hono/method-not-allowed";
import type { App } from "../context.ts";
import { account } from "../telemetry/account.ts";
import { Timings } from "../telemetry/timings.ts";
import { formatTraceparent, traceOf } from "../telemetry/trace.ts";
import { Usage } from "../telemetry/usage.ts";
import { inspectCredential } from "./authenticate.ts";
import { refuseBlocked } from "./blocklist.ts";
import { discardBody } from "./body.ts";
import { failed, methodNotAllowed, notFound } from "./failures.ts";
import { allowListedOrigins, browserHeaders, identify } from "./headers.ts";
import { limitAddress } from "./rate-limit.ts";

/** Installs the above on an app that has no routes yet. */
export function secure(app: OpenAPIHono<App>): void {
  app.onError(failed);
  app.notFound(notFound);
  app.use(observe, browserHeaders, allowListedOrigins, admit);
  app.use(findsOtherMethods<App>({ app, onMethodNotAllowed: methodNotAllowed }));
}

/** An id callers may bring along: it goes into logs, headers and the feedback table. */
const REQUEST_ID = /^[\w.-]{8,64}$/;

const TRACE_RANDOM_BYTES = 24;

const observe: MiddlewareHandler<App> = async (c, next) => {
  const brought = c.req.header("x-request-id");
  const random = crypto.getRandomValues(new Uint8Array(TRACE_RANDOM_BYTES));
  const trace = traceOf(c.req.header("traceparent") ?? null, random);
  c.set("request_id", brought !== undefined && REQUEST_ID.test(brought) ? brought : crypto.randomUUID());
  c.set("trace_id", trace.trace_id);
  c.set("timings", new Timings(performance.now()));
  c.set("usage", new Usage());
  await next();
  await discardBody(c.req.raw);
  identify(c, formatTraceparent(trace));
  c.executionCtx.waitUntil(account(c));
};

const admit: MiddlewareHandler<App> = async (c, next) => {
  const now_ms = Date.now();
  const [{ proven }] = await Promise.all([inspectCredential(c), refuseBlocked(c, now_ms)]);
  if (!proven) await limitAddress(c, now_ms);
  await next();
};
