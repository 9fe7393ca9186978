/**
 * The log as Cloudflare's telemetry API holds it: three days on the free plan, seven on the paid one.
 * https://developers.cloudflare.com/api/resources/workers/subresources/observability/subresources/telemetry/methods/query/
 */
import { z } from "zod";
import { REPEATABLE } from "../cloudflare/api.ts";
import type { Cloudflare } from "../cloudflare/official.ts";
import type { LogFilter } from "./filter.ts";
import { statusRange } from "./filter.ts";
import { LOG_QUERY_EVENTS } from "./limits.ts";
import { exceptionLine, type LogLine, lineOf } from "./log-line.ts";

/** What is read of an event; it has much more. */
const event = z.object({
  timestamp: z.number(),
  source: z.unknown(),
  $metadata: z.object({ id: z.string(), service: z.string().default(""), level: z.string().default("") }),
});
type Event = z.infer<typeof event>;

const exception = z.object({ exception: z.object({ name: z.string(), message: z.string() }) });

interface TelemetryQuery {
  client: Cloudflare;
  account_id: string;
  /** Scripts whose lines are wanted. */
  workers: readonly string[];
  /** What the API need not send; whoever asks filters all the same. */
  filter: LogFilter;
}

/** Lines of a span, its end excluded, in no order. @throws OpsError as the client does. */
export async function telemetryLines(query: TelemetryQuery, from_ms: number, to_ms: number): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for (let offset: string | undefined; ; ) {
    const events = await page(query, { from: from_ms, to: to_ms }, offset);
    // The API's span includes its end.
    for (const one of events) if (one.timestamp >= from_ms && one.timestamp < to_ms) lines.push(lineOfEvent(one));
    const last = events.at(-1);
    if (last === undefined || events.length < LOG_QUERY_EVENTS) return lines;
    offset = last.$metadata.id;
  }
}

async function page(
  { client, account_id, workers, filter }: TelemetryQuery,
  timeframe: { from: number; to: number },
  offset: string | undefined,
): Promise<Event[]> {
  const { events } = await client.workers.observability.telemetry.query(
    {
      account_id,
      queryId: "prism-ops",
      timeframe,
      view: "events",
      limit: LOG_QUERY_EVENTS,
      ...(offset === undefined ? {} : { offset }),
      parameters: { filters: narrowing(workers, filter) },
    },
    REPEATABLE,
  );
  return z.array(event).parse(events?.events ?? []);
}

/** Equality and comparison alone: what "contains" means is decided here, so that it is the same for the archive. */
function narrowing(workers: readonly string[], { status, request_id, user }: LogFilter) {
  const text = (key: string, value: string) => ({ key, operation: "eq", type: "string", value }) as const;
  const [from, to] = status === undefined ? [] : statusRange(status);
  return [
    // Lines and exceptions, without the event of the invocation itself.
    text("$metadata.type", "cf-worker"),
    { key: "$metadata.service", operation: "in", type: "string", value: workers.join(",") } as const,
    ...(request_id === undefined ? [] : [text("request_id", request_id)]),
    ...(user === undefined ? [] : [text("user_id", user)]),
    ...(from === undefined ? [] : [{ key: "status_code", operation: "gte", type: "number", value: from } as const]),
    ...(to === undefined ? [] : [{ key: "status_code", operation: "lte", type: "number", value: to } as const]),
  ];
}

/** The API has taken a text that is an object apart already; another one is an object with nothing but a message. */
function lineOfEvent({ timestamp, source, $metadata: { service, level } }: Event): LogLine {
  const thrown = exception.safeParse(source).data?.exception;
  if (thrown !== undefined) return exceptionLine(timestamp, service, thrown.name, thrown.message);
  return lineOf({ at_ms: timestamp, worker: service, console_level: level, parts: [source] });
}
