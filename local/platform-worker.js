/**
 * The platform's own side of workerd: what stands behind the bindings of the Worker, and Node's ways in to the engines. One Worker
 * holds them all, as each costs every start of workerd three isolates, those that Miniflare puts beside it included.
 *
 * It is the first Worker of the configuration, whose default entrypoint gets what comes to Miniflare's own port without naming a Worker.
 */
export { AiBinding } from "./ai/binding-worker.js";
export { default as events } from "./events-worker.js";
export { default as d1 } from "./rest/d1-gateway-worker.js";
export { default as kv } from "./rest/kv-gateway-worker.js";
export { QueueBinding } from "./rest/queue-binding-worker.js";
export { default as r2 } from "./s3/r2-gateway-worker.js";
export { AnalyticsBinding, default as telemetry, Traces } from "./telemetry/intake-worker.js";
export { VectorizeBinding } from "./vectorize/binding-worker.js";

export default { fetch: () => new Response(null, { status: 404 }) };
