/**
 * A line of the service's log, the same whichever way it was read: from the telemetry API's event, from a record of Logpush, or from a live
 * tail. What only one of them tells (ids, the trace's timings) is not in it. Pure.
 */
import { z } from "zod";
import { canonicalJson } from "../../worker/audit/chain.ts";
import { isObject, jsonIn } from "../../worker/ground/json.ts";

export const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"] as const;
type Level = (typeof LEVELS)[number];

export const logLine = z.strictObject({
  at: z.iso.datetime(),
  /** The script: the Worker, or the watchdog. */
  worker: z.string(),
  level: z.enum(LEVELS),
  message: z.string(),
  /** Whatever else the line says: `worker/telemetry/log.ts` and `sink.ts` name it. Empty for a line that is no JSON. */
  fields: z.record(z.string(), z.unknown()),
});
export type LogLine = z.infer<typeof logLine>;

/** What Cloudflare leaves in place of what it cut out of a record. */
const CUT = { begin: "<<<Logpush: ", end: " truncated>>>" };

/** What a console call was given, and what it was. */
interface ConsoleCall {
  at_ms: number;
  worker: string;
  console_level: string;
  parts: readonly unknown[];
}

/** An object, or a text that is one, is taken apart into fields; anything else is a message. */
export function lineOf({ at_ms, worker, console_level, parts }: ConsoleCall): LogLine {
  const [first] = parts;
  const record = parts.length === 1 ? recordOf(first) : null;
  const shared = { at: new Date(at_ms).toISOString(), worker };
  if (record === null) {
    const message = parts.map(textOf).join(" ");
    return { ...shared, level: levelOf(undefined, console_level), message, fields: {} };
  }
  const { level, message, ...fields } = record;
  return { ...shared, level: levelOf(level, console_level), message: message == null ? "" : textOf(message), fields };
}

/** An exception that nobody caught, as a line of its own. */
export function exceptionLine(at_ms: number, worker: string, name: string, message: string): LogLine {
  const fields = { exception: { name, message } };
  return { at: new Date(at_ms).toISOString(), worker, level: "ERROR", message: `${name}: ${message}`, fields };
}

/** Whether the line says only that something was left out. */
export function isCut({ message }: LogLine): boolean {
  return message.startsWith(CUT.begin) && message.endsWith(CUT.end);
}

/** By time; where that is the same, in an order that is the same whichever way they were read. */
export function inOrder(lines: readonly LogLine[]): LogLine[] {
  return lines
    .map((line) => ({ line, key: `${line.at} ${line.worker} ${canonicalJson(line)}` }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ line }) => line);
}

/** The text of a field, or of one within a field (`error.type`); null where there is none. */
export function fieldText(line: LogLine, name: string): string | null {
  const value = name.split(".").reduce<unknown>((from, key) => recordOf(from)?.[key], line.fields);
  return value === undefined || value === null || typeof value === "object" ? null : String(value);
}

/** The same for a number. */
export function fieldNumber(line: LogLine, name: string): number | null {
  const text = fieldText(line, name);
  const number = text === null || text === "" ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : null;
}

/** `POST /api/v1/chat` of a request, `queue/ingest` of a message; null where the line concludes no work. */
export function routeOf(line: LogLine): string | null {
  const endpoint = fieldText(line, "endpoint");
  const method = fieldText(line, "method");
  return endpoint === null || method === null ? endpoint : `${method} ${endpoint}`;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : String(JSON.stringify(value));
}

function recordOf(value: unknown): Record<string, unknown> | null {
  const read = typeof value === "string" && value.startsWith("{") ? jsonIn(value) : value;
  return isObject(read) ? read : null;
}

/** A console method that has no level of ours is `log`. */
const CONSOLE_LEVELS: Readonly<Record<string, Level>> = { debug: "DEBUG", warn: "WARN", error: "ERROR" };

function levelOf(own: unknown, console_level: string): Level {
  const named = LEVELS.find((level) => level === String(own).toUpperCase());
  return named ?? CONSOLE_LEVELS[console_level.toLowerCase()] ?? "INFO";
}
