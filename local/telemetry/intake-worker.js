/**
 * What Cloudflare's platform hears of a Worker: its trace events, as a Tail Worker gets them from workerd, and its data points.
 *
 * One of these stands beside all Workers. It sends what it heard to Node in batches, so that a request costs an entry in a
 * list and no call. Not part of the product's bundle.
 */
import { WorkerEntrypoint } from "cloudflare:workers";

/** How long lines are collected before they are sent. */
const BATCH_MS = 100;

/** Whoever sends has not been heard of for so long: its invocation was ended, and another takes over. */
const SENDER_SILENT_MS = 2000;

let lines = [];
/** When the sender was heard of; 0 while there is none. */
let heard_ms = 0;

async function send(env) {
  const body = lines.join("\n");
  lines = [];
  if (body !== "") await env.NODE.fetch("http://telemetry/", { method: "POST", body });
}

/** Adds lines, and sees to it that they are sent, unless somebody already does. */
async function collect(env, added) {
  lines.push(...added);
  if (Date.now() - heard_ms < SENDER_SILENT_MS) return;
  try {
    while (lines.length > 0) {
      heard_ms = Date.now();
      await scheduler.wait(BATCH_MS);
      await send(env);
    }
  } finally {
    heard_ms = 0;
  }
}

function traceLine({ script_name, version_id }, item) {
  const { event, eventTimestamp, outcome, logs, exceptions, entrypoint, executionModel, durableObjectId } = item;
  const { scriptTags, truncated, diagnosticsChannelEvents } = item;
  const head = { script_name, version_id, begun_ms: eventTimestamp ?? Date.now(), ended_ms: Date.now() };
  const id = crypto.randomUUID().replaceAll("-", "").slice(0, 16);
  const trace = {
    ...head,
    id,
    outcome,
    entrypoint,
    executionModel,
    durableObjectId,
    scriptTags,
    truncated,
    logs,
    exceptions,
    diagnosticsChannelEvents,
    event: shownEvent(event),
  };
  // What Node must know of each line stands before it, so that a line that nobody reads is never parsed.
  return `${JSON.stringify(head)}\t${JSON.stringify(trace)}`;
}

/** Without `cf`, which this machine makes up. */
function shownEvent(event) {
  if (!event || !("request" in event)) return event;
  const { url, method, headers } = event.request;
  return { request: { url, method, headers }, response: event.response && { status: event.response.status } };
}

/** Takes the data points of `data-points.js`: `props` names the dataset. */
export class AnalyticsBinding extends WorkerEntrypoint {
  async fetch(request) {
    const points = await request.json();
    const head = JSON.stringify({ dataset: this.ctx.props.dataset, at_ms: Date.now() });
    const added = points.map((point) => `${head}\t${JSON.stringify(point)}`);
    this.ctx.waitUntil(collect(this.env, added));
    return new Response(null, { status: 204 });
  }
}

/** A tail consumer of each version, which `props` names. */
export class Traces extends WorkerEntrypoint {
  async tail(items) {
    const added = items.map((item) => traceLine(this.ctx.props, item));
    await collect(this.env, added);
  }
}

export default {
  /** Sends what was collected, before workerd is stopped; for the platform's own process alone. */
  async fetch(request, env) {
    if (request.headers.get("x-gateway-secret") !== env.GATEWAY_SECRET) return new Response(null, { status: 403 });
    await send(env);
    return new Response(null, { status: 204 });
  },
};
