/**
 * One JSON line per unit of work, plus one per notable event.
 *
 * Lines hold ids, numbers and route patterns only: never a path or query as sent, a header, a body, or a secret.
 */
import { SECRETS } from "../../infra/inventory.ts";
import type { Env } from "../env.ts";
import { Problem } from "../ground/problem.ts";
import { LOG_MESSAGE_CHARS_MAX, LOG_STACK_CHARS_MAX } from "../limits.ts";
import { redactSecrets, withoutQuotedInput } from "./redact.ts";
import type { Unit } from "./unit.ts";

const LOG_LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

interface LoggedError {
  type: string;
  message: string;
  stack?: string;
}

/** True when `LOG_LEVEL` lets lines of this level through; an unknown value counts as INFO. */
function isLogged(env: Env, level: LogLevel): boolean {
  const threshold = (LOG_LEVELS as readonly string[]).indexOf(env.LOG_LEVEL.toUpperCase());
  return LOG_LEVELS.indexOf(level) >= (threshold === -1 ? LOG_LEVELS.indexOf("INFO") : threshold);
}

/**
 * Writes a line of a unit of work, without secrets, to the console method that gives it its level in Workers Logs. Returns
 * the line, or null where `LOG_LEVEL` keeps it out. Fields that are `undefined` are left out.
 */
export function logLine(unit: Unit, level: LogLevel, message: string, fields: Record<string, unknown>): string | null {
  const { env, request_id, trace, principal, ray_id, colo } = unit;
  if (!isLogged(env, level)) return null;
  const line = {
    timestamp: new Date().toISOString(),
    level,
    message,
    service: "prism",
    environment: env.ENVIRONMENT,
    request_id,
    trace_id: trace.trace_id,
    user_id: principal?.key_id,
    ray_id,
    colo,
    ...fields,
  };
  // The watchdog is handed few of them.
  const secrets = SECRETS.flatMap((name) => env[name] || []);
  const text = redactSecrets(JSON.stringify(line), secrets);
  if (level === "ERROR") console.error(text);
  else if (level === "WARN") console.warn(text);
  else console.log(text);
  return text;
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
