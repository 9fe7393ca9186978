/**
 * One JSON line per request, plus one per notable event.
 *
 * Lines hold ids, numbers and route patterns only: never a path or query as sent, a header, a body, or a secret.
 */
import type { Context } from "hono";
import { SECRETS } from "../../infra/inventory.ts";
import type { App } from "../context.ts";
import type { Env } from "../env.ts";
import { Problem } from "../ground/problem.ts";
import { LOG_MESSAGE_CHARS_MAX, LOG_STACK_CHARS_MAX } from "../limits.ts";
import { redactSecrets, withoutQuotedInput } from "./redact.ts";

export const LOG_LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggedError {
  type: string;
  message: string;
  stack?: string;
}

/** A line as it is written; `undefined` fields are left out. */
export interface LogLine {
  timestamp: string;
  level: LogLevel;
  message: string;
  [field: string]: unknown;
}

/** True when `LOG_LEVEL` lets lines of this level through; an unknown value counts as INFO. */
export function isLogged(env: Env, level: LogLevel): boolean {
  const threshold = (LOG_LEVELS as readonly string[]).indexOf(env.LOG_LEVEL.toUpperCase());
  return LOG_LEVELS.indexOf(level) >= (threshold === -1 ? LOG_LEVELS.indexOf("INFO") : threshold);
}

/** Logs a notable event of a request. `fields` must not hold texts of callers or documents. */
export function logEvent(
  c: Context<App>,
  level: LogLevel,
  message: string,
  fields: Record<string, unknown> = {},
): void {
  if (!isLogged(c.env, level)) return;
  const line = { ...lineStart(c.env, level, message), ...requestFields(c), ...fields };
  writeLine(level, serialiseLine(c.env, line));
}

/** The fields every line starts with. */
export function lineStart(env: Env, level: LogLevel, message: string): LogLine {
  return { timestamp: new Date().toISOString(), level, message, service: "prism", environment: env.ENVIRONMENT };
}

/** What identifies a request in every line about it. */
export function requestFields(c: Context<App>): Record<string, unknown> {
  return {
    request_id: c.get("request_id"),
    trace_id: c.get("trace_id"),
    user_id: c.get("principal")?.key_id,
    ray_id: c.req.header("cf-ray"),
    colo: c.req.raw.cf?.colo ?? "local",
  };
}

/** An error as the log shows it. A refusal has its exact reason as cause and no stack: nothing is broken. */
export function describeError(error: unknown): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error).slice(0, LOG_MESSAGE_CHARS_MAX) };
  if (error instanceof Problem) {
    const { cause } = error;
    const reason = cause === undefined ? error.message : `${error.message} (${String(cause)})`;
    return shortened(error.slug, reason, cause instanceof Error ? cause.stack : undefined);
  }
  return shortened(error.name, error.message, error.stack);
}

function shortened(type: string, message: string, stack: string | undefined): LoggedError {
  return {
    type,
    message: withoutQuotedInput(message).slice(0, LOG_MESSAGE_CHARS_MAX),
    ...(stack === undefined ? {} : { stack: withoutQuotedInput(stack).slice(0, LOG_STACK_CHARS_MAX) }),
  };
}

/** A line as JSON, without secrets. */
export function serialiseLine(env: Env, line: LogLine): string {
  // The watchdog is handed few of them.
  const secrets = SECRETS.flatMap((name) => env[name] || []);
  return redactSecrets(JSON.stringify(line), secrets);
}

/** Writes a serialised line to the console method that gives it its level in Workers Logs. */
export function writeLine(level: LogLevel, text: string): void {
  if (level === "ERROR") console.error(text);
  else if (level === "WARN") console.warn(text);
  else console.log(text);
}
