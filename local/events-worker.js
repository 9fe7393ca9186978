/**
 * What Queues and Cron Triggers send, inside workerd: `POST /<name of the Worker's binding, URI-encoded>` runs the queue handler or the
 * scheduled handler of that Worker and answers what became of it. Bytes travel as base64. `runtime.ts` is the only caller.
 */
export default {
  async fetch(request, env) {
    if (request.headers.get("x-gateway-secret") !== env.GATEWAY_SECRET) return new Response(null, { status: 403 });
    const worker = env[decodeURIComponent(new URL(request.url).pathname.slice(1))];
    const { queue, messages, cron, scheduled_ms } = await request.json();
    if (cron !== undefined)
      return Response.json(await worker.scheduled({ cron, scheduledTime: new Date(scheduled_ms) }));
    const batch = messages.map(({ timestamp_ms, bytes, body, ...message }) => ({
      ...message,
      timestamp: new Date(timestamp_ms),
      body: bytes === undefined ? body : Uint8Array.fromBase64(bytes),
    }));
    return Response.json(await worker.queue(queue, batch));
  },
};
