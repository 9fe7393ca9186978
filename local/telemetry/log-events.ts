/**
 * From a trace to the events of Workers Logs: one for the invocation, one for each line and each exception.
 * https://developers.cloudflare.com/workers/observability/logs/workers-logs/
 */
import { isObject } from "../../worker/ground/json.ts";
import { eventType, type Trace, type TraceLog } from "./trace.ts";

export const DATASET = "cloudflare-workers";

/** One event, in the shape that the telemetry API gives. */
export interface LogEvent {
  dataset: typeof DATASET;
  timestamp: number;
  source: Record<string, unknown>;
  $workers: Record<string, unknown>;
  $metadata: Record<string, unknown> & { id: string; requestId: string };
}

interface LogEventInputs {
  account_id: string;
  /** False where the script's settings leave the event of the invocation itself out. */
  invocation_logs: boolean;
  /** An id for the event of this number: later ones are greater. */
  id: (timestamp: number, index: number) => string;
}

/** The events of an invocation: lines and exceptions as they came, then the invocation. */
export function logEvents(trace: Trace, inputs: LogEventInputs): LogEvent[] {
  const origin = eventType(trace);
  const trigger = triggerOf(trace);
  const shared = {
    truncated: trace.truncated,
    scriptName: trace.script_name,
    outcome: trace.outcome,
    eventType: origin,
    executionModel: trace.executionModel,
    entrypoint: trace.entrypoint,
    durableObjectId: trace.durableObjectId,
    scriptVersion: { id: trace.version_id },
    requestId: trace.id,
    event: shownTrigger(trace),
  };
  const event = (
    index: number,
    timestamp: number,
    source: Record<string, unknown>,
    workers: object,
    metadata: object,
  ): LogEvent =>
    without<LogEvent>({
      dataset: DATASET,
      timestamp,
      source,
      $workers: without({ ...shared, ...workers }),
      $metadata: without<LogEvent["$metadata"]>({
        id: inputs.id(timestamp, index),
        requestId: trace.id,
        trigger,
        service: trace.script_name,
        account: inputs.account_id,
        origin,
        cloudService: "workers",
        ...metadata,
      }),
    });
  const lines = trace.logs.map((log, index) => {
    const source = lineSource(log);
    const message = typeof source.message === "string" ? source.message : JSON.stringify(source);
    const error = log.level === "error" ? message : undefined;
    return event(index, log.timestamp, source, {}, { type: "cf-worker", level: log.level, message, error });
  });
  const exceptions = trace.exceptions.map(({ name, message, stack, timestamp }, index) => {
    const error = `${name}: ${message}`;
    const source = { level: "error", message: error, exception: without({ name, message, stack, timestamp }) };
    const metadata = { type: "cf-worker", level: "error", message: error, error };
    return event(trace.logs.length + index, timestamp, source, {}, metadata);
  });
  if (!inputs.invocation_logs) return [...lines, ...exceptions];
  const { request, response } = trace.event ?? {};
  const level = trace.outcome === "ok" ? "info" : "error";
  const message = request ? `${request.method} ${request.url}` : trigger;
  const invocation = event(
    lines.length + exceptions.length,
    trace.begun_ms,
    { level, message },
    // The CPU time is not among them: workerd does not measure it.
    { wallTimeMs: wallTimeMs(trace), diagnosticsChannelEvents: trace.diagnosticsChannelEvents },
    { type: "cf-worker-event", level, message, statusCode: response?.status, url: request?.url },
  );
  return [...lines, ...exceptions, invocation];
}

/** workerd gives none: until its tail was heard, all of `waitUntil` included. */
export function wallTimeMs({ begun_ms, ended_ms }: Trace): number {
  return Math.max(0, ended_ms - begun_ms);
}

/** An object, or a text that is one, is taken apart into fields; anything else is a message. */
function lineSource({ message }: TraceLog): Record<string, unknown> {
  const [first] = message;
  if (message.length === 1) {
    if (isObject(first)) return first;
    if (typeof first === "string" && first.startsWith("{")) {
      try {
        const parsed: unknown = JSON.parse(first);
        if (isObject(parsed)) return parsed;
      } catch {
        // A text that only begins like an object.
      }
    }
  }
  return { message: message.map((part) => (typeof part === "string" ? part : JSON.stringify(part))).join(" ") };
}

function triggerOf({ event, entrypoint }: Trace): string {
  if (event?.request) return `${event.request.method} ${pathOf(event.request.url)}`;
  return String(event?.cron ?? event?.queue ?? event?.scheduledTime ?? `${entrypoint}.${event?.rpcMethod}`);
}

function shownTrigger({ event, id }: Trace): object | undefined {
  if (!event?.request) return event ?? undefined;
  const url = URL.parse(event.request.url);
  const search = Object.fromEntries(url?.searchParams ?? []);
  return without({
    request: { ...event.request, path: pathOf(event.request.url), search },
    response: event.response,
    rayId: id,
  });
}

function pathOf(url: string): string {
  return URL.parse(url)?.pathname ?? url;
}

/** A copy without what is undefined. */
function without<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
