/**
 * A trace as Logpush writes it: a record of the dataset `workers_trace_events`.
 * https://developers.cloudflare.com/logs/logpush/logpush-job/datasets/account/workers_trace_events/
 */
import { LOGPUSH_TRACE_CHARS_MAX } from "../../infra/cloudflare-limits.ts";
import { wallTimeMs } from "./log-events.ts";
import { eventType, type Trace } from "./trace.ts";

/** Where Logpush has another word for a kind of event than Workers Logs. */
const EVENT_TYPES: Record<string, string> = { rpc: "worker_rpc" };

/** Every field of the dataset. */
export function traceRecord(trace: Trace): Record<string, unknown> {
  const { exceptions, logs } = cutTexts(trace);
  const kind = eventType(trace);
  return {
    // workerd does not measure it.
    CPUTimeMs: 0,
    DispatchNamespace: "",
    Entrypoint: trace.entrypoint ?? "",
    Event: traceEvent(trace),
    EventTimestampMs: trace.begun_ms,
    EventType: EVENT_TYPES[kind] ?? kind,
    Exceptions: exceptions,
    Logs: logs,
    Outcome: trace.outcome,
    ScriptName: trace.script_name,
    ScriptTags: trace.scriptTags ?? [],
    ScriptVersion: { ID: trace.version_id },
    WallTimeMs: wallTimeMs(trace),
  };
}

function traceEvent({ event, id }: Trace): object {
  if (event?.request) {
    const { url, method } = event.request;
    return { RayID: id, Request: { URL: url, Method: method }, Response: { Status: event.response?.status ?? 0 } };
  }
  if (event?.cron !== undefined) return { Cron: event.cron, ScheduledTimeMs: Number(event.scheduledTime) };
  if (event?.queue !== undefined) return { Queue: event.queue, BatchSize: event.batchSize };
  if (event?.rpcMethod !== undefined) return { RPCMethod: event.rpcMethod };
  return {};
}

/**
 * Names of exceptions, then their messages, then lines, as far as all of them together may be long. The first that does not fit is
 * marked, and what follows is left out. https://developers.cloudflare.com/workers/observability/logs/logpush/#limits
 */
function cutTexts({ exceptions, logs }: Trace) {
  let left = LOGPUSH_TRACE_CHARS_MAX;
  const take = (text: string, field: string): string | null => {
    if (left < 0) return null;
    left -= text.length;
    return left < 0 ? `<<<Logpush: ${field} truncated>>>` : text;
  };
  const names = exceptions.map(({ name }) => take(name, "exception.names"));
  const messages = exceptions.map(({ message }) => take(message, "exception.messages"));
  const lines = logs.map(({ level, message, timestamp }) => ({
    Level: level,
    Message: message.flatMap(
      (part) => take(typeof part === "string" ? part : JSON.stringify(part), "log.messages") ?? [],
    ),
    TimestampMs: timestamp,
  }));
  return {
    exceptions: exceptions.flatMap(({ timestamp }, index) =>
      messages[index] === null || names[index] === null
        ? []
        : [{ Name: names[index], Message: messages[index], TimestampMs: timestamp }],
    ),
    logs: lines.filter(({ Message }, index) => Message.length > 0 || logs[index]?.message.length === 0),
  };
}
