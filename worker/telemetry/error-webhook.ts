/** Server errors, posted to `ERROR_WEBHOOK` as generic JSON (the log line), bounded. */
import { ERROR_EVENTS_PER_MINUTE_MAX, ERROR_WEBHOOK_TIMEOUT_MS } from "../limits.ts";
import { formatTraceparent } from "./trace.ts";
import type { Unit } from "./unit.ts";

let minute = 0;
let events = 0;

/**
 * Posts one serialised log line, unless this isolate has posted `ERROR_EVENTS_PER_MINUTE_MAX` in this minute; the
 * header `x-events-in-minute` tells how many there were. A failed post is not retried: the log has the line.
 */
export async function postErrorEvent(
  { env, trace }: Pick<Unit, "env" | "trace">,
  line: string,
  now_ms: number,
): Promise<void> {
  const this_minute = Math.floor(now_ms / 60_000);
  if (this_minute !== minute) {
    minute = this_minute;
    events = 0;
  }
  events += 1;
  if (env.ERROR_WEBHOOK === "" || events > ERROR_EVENTS_PER_MINUTE_MAX) return;
  await fetch(env.ERROR_WEBHOOK, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-events-in-minute": String(events),
      traceparent: formatTraceparent(trace),
    },
    body: line,
    signal: AbortSignal.timeout(ERROR_WEBHOOK_TIMEOUT_MS),
  }).catch(() => undefined);
}
