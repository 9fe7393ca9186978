/** A trace event: what workerd tells of one invocation of a Worker when it has ended. Fields in camelCase are Cloudflare's. */

/** Stands before each trace, so that lines need not be parsed to be kept. */
export interface TraceHead {
  script_name: string;
  version_id: string;
  /** By workerd's clock, which is the machine's. */
  begun_ms: number;
  ended_ms: number;
}

export interface TraceLog {
  level: string;
  message: unknown[];
  timestamp: number;
}

interface TraceException {
  name: string;
  message: string;
  stack?: string;
  timestamp: number;
}

/** What began the invocation; which fields there are depends on what it was. */
interface TraceTrigger {
  request?: { url: string; method: string; headers: Record<string, string> };
  response?: { status: number };
  cron?: string;
  scheduledTime?: number | string;
  queue?: string;
  batchSize?: number;
  rpcMethod?: string;
}

export interface Trace extends TraceHead {
  /** Names the invocation, as a Ray ID does. */
  id: string;
  outcome: string;
  entrypoint?: string;
  executionModel?: "stateless" | "durableObject";
  durableObjectId?: string;
  scriptTags?: string[];
  truncated: boolean;
  logs: TraceLog[];
  exceptions: TraceException[];
  diagnosticsChannelEvents: { channel: string; message: unknown; timestamp: number }[];
  event: TraceTrigger | null;
}

/** A line of the intake: its head, and the trace as it came. */
export interface TraceLine {
  head: TraceHead;
  text: string;
}

/** What kind of event began an invocation, in the words of Workers Logs. */
export function eventType({ event }: Trace): string {
  if (event?.request) return "fetch";
  if (event?.cron !== undefined) return "scheduled";
  if (event?.queue !== undefined) return "queue";
  if (event?.rpcMethod !== undefined) return "rpc";
  return event?.scheduledTime === undefined ? "unknown" : "alarm";
}

/** `trace` as if workerd's clock were the platform's, which may be ahead of it. */
export function shiftTrace(trace: Trace, offset_ms: number): Trace {
  if (offset_ms === 0) return trace;
  const shift = <T extends { timestamp: number }>(one: T): T => ({ ...one, timestamp: one.timestamp + offset_ms });
  return {
    ...trace,
    begun_ms: trace.begun_ms + offset_ms,
    ended_ms: trace.ended_ms + offset_ms,
    logs: trace.logs.map(shift),
    exceptions: trace.exceptions.map(shift),
  };
}
