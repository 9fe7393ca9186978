/** What is written down about a request once its answer is complete: log line, meter, error event. */
import type { Context } from "hono";
import { matchedRoutes } from "hono/route";
import type { App } from "../context.ts";
import { clientAddress } from "../security/address.ts";
import { learnCount } from "../security/quota.ts";
import { postErrorEvent } from "./error-webhook.ts";
import {
  describeError,
  isLogged,
  type LogLevel,
  type LogLine,
  lineStart,
  logEvent,
  requestFields,
  serialiseLine,
  writeLine,
} from "./log.ts";
import { meterRequest } from "./metering.ts";

/** For `waitUntil`; never throws, since the answer is already on its way. */
export async function account(c: Context<App>): Promise<void> {
  const usage = c.get("usage");
  let interrupted: unknown;
  await usage.settled?.catch((error: unknown) => {
    interrupted = error;
  });
  const status_code = c.res.status;
  const failed = status_code >= 500 || interrupted !== undefined;
  const level: LogLevel = failed ? "ERROR" : isNotable(status_code) ? "WARN" : "INFO";

  if (failed || isLogged(c.env, level)) {
    const line = serialiseLine(c.env, requestLine(c, level, interrupted ?? c.error));
    writeLine(level, line);
    if (failed) await postErrorEvent(c.env, line, Date.now());
  }
  await meter(c, failed);
}

/** Refusals that an operator wants to see: who is kept out, and why. */
function isNotable(status: number): boolean {
  return status === 401 || status === 403 || status === 429;
}

function requestLine(c: Context<App>, level: LogLevel, error: unknown): LogLine {
  const { tokens_in, tokens_out, tokens_saved, model, neurons } = c.get("usage");
  return {
    ...lineStart(c.env, level, "request"),
    ...requestFields(c),
    endpoint: routePattern(c),
    method: c.req.method,
    status_code: c.res.status,
    duration_ms: Math.round((performance.now() - c.get("timings").started_ms) * 10) / 10,
    database_queries: c.get("timings").database_queries,
    ...(model === null
      ? {}
      : { model, tokens: { input: tokens_in, output: tokens_out, saved: tokens_saved }, neurons }),
    ...(error === undefined ? {} : { error: describeError(error) }),
  };
}

/** The route as it was declared, e.g. `/api/v1/documents/:id`: paths as sent may hold anything. */
function routePattern(c: Context<App>): string {
  const path = matchedRoutes(c).at(-1)?.path ?? "";
  return path === "" || path === "/*" ? "unmatched" : path;
}

async function meter(c: Context<App>, failed: boolean): Promise<void> {
  const { tokens_in, tokens_out, tokens_saved, neurons } = c.get("usage");
  const principal = c.get("principal");
  const sample = {
    key_id: principal?.key_id ?? "anonymous",
    has_quota: typeof principal?.daily_quota === "number",
    errors: failed ? 1 : 0,
    tokens_in,
    tokens_out,
    tokens_saved,
    neurons,
  };
  try {
    await meterRequest(c.env, sample, principal?.key_id ?? clientAddress(c), Date.now(), learnCount);
  } catch (error) {
    logEvent(c, "WARN", "requests could not be metered", { error: describeError(error) });
  }
}
