/**
 * What Queues and Cron Triggers send to a Worker, by `events-worker.js` in workerd. Miniflare's own `getWorker` costs a thread with a
 * quarter of a second of CPU for each platform (measured).
 */
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { EVENT_WALL_MAX_MS } from "../infra/cloudflare-limits.ts";
import type { DeliveredMessage } from "./rest/queue-broker.ts";

/** An event, as `events-worker.js` reads it. */
type Event = { queue: string; messages: object[] } | { cron: string; scheduled_ms: number };

/** The name of the platform's own binding to the Worker that gets a script's events. */
export function eventsBinding(script: string): string {
  return `script:${script}`;
}

/** A batch of a queue; bytes as base64, since all of it travels as JSON. */
export function queueEvent(queue: string, messages: readonly DeliveredMessage[]): Event {
  return {
    queue,
    messages: messages.map(({ timestamp, body, ...message }) => ({
      ...message,
      timestamp_ms: timestamp.getTime(),
      ...(body instanceof Uint8Array ? { bytes: Buffer.from(body).toString("base64") } : { body }),
    })),
  };
}

/**
 * Runs the handler and returns what workerd reports of it. `origin`: where the entrypoint `events` listens; `secret` opens it.
 * @throws where the Worker cannot be reached, and `ABORT_ERR` after the fifteen minutes that a handler has (`fetch` would end after five).
 */
export async function sendEvent(origin: URL, secret: string, script: string, event: Event): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const { href } = new URL(encodeURIComponent(eventsBinding(script)), origin);
  const signal = AbortSignal.timeout(EVENT_WALL_MAX_MS);
  const headers = { "x-gateway-secret": secret };
  const call = request(href, { method: "POST", agent: false, headers, signal }, (response) => {
    const answer = text(response);
    if (response.statusCode === 200) answer.then(resolve, reject);
    else answer.then((said) => reject(new Error(`workerd answered ${response.statusCode}: ${said}`)), reject);
  });
  call.on("error", reject).end(JSON.stringify(event));
  return JSON.parse(await promise);
}
