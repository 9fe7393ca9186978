/** Node's end of the Queues producer binding: see `queue-binding-worker.js` for the other end. */
import { z } from "zod";
import { ApiError } from "./envelope.ts";
import type { QueueBroker } from "./queue-broker.ts";

const callSchema = z.object({
  queue_name: z.string(),
  method: z.enum(["send", "sendBatch", "metrics"]),
  messages: z.array(
    z.object({ content_type: z.enum(["text", "json", "bytes"]), body: z.string(), delay_s: z.number().optional() }),
  ),
});

/** Answers one call of the binding with the queue's backlog, or `{error}`. */
export async function handleQueueBinding(broker: QueueBroker, request: Request): Promise<Response> {
  try {
    const { queue_name, method, messages } = callSchema.parse(await request.json());
    const queue = broker.queueNamed(queue_name);
    return Response.json(method === "metrics" ? broker.store.backlog(queue.queue_id) : broker.push(queue, messages));
  } catch (error) {
    if (error instanceof ApiError) return Response.json({ error: error.message }, { status: error.status });
    return Response.json({ error: String(error) }, { status: 500 });
  }
}
