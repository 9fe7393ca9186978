/**
 * The Queues producer binding: `env.INGEST_QUEUE` is a service binding to the entrypoint
 * `QueueBinding` with `props: {queue_name}`; `send`, `sendBatch` and `metrics` are RPC methods that forward to
 * `handleQueueBinding` in Node through the service binding `NODE`. Not part of the product's bundle.
 */
import { WorkerEntrypoint } from "cloudflare:workers";

function encoded({ body, contentType = "json", delaySeconds }) {
  switch (contentType) {
    case "json":
      return { content_type: "json", body: JSON.stringify(body), delay_s: delaySeconds };
    case "text":
      if (typeof body !== "string") throw new TypeError("a message of content type text must be a string");
      return { content_type: "text", body, delay_s: delaySeconds };
    case "bytes": {
      const bytes = new Uint8Array(
        ArrayBuffer.isView(body) ? body.buffer.slice(body.byteOffset, body.byteOffset + body.byteLength) : body,
      );
      return { content_type: "bytes", body: bytes.toBase64(), delay_s: delaySeconds };
    }
    default:
      throw new TypeError(
        `content type ${contentType} is not available on the local platform: use json, text or bytes`,
      );
  }
}

export class QueueBinding extends WorkerEntrypoint {
  async #call(method, messages) {
    const body = JSON.stringify({ queue_name: this.ctx.props.queue_name, method, messages });
    const response = await this.env.NODE.fetch("http://queue/", { method: "POST", body });
    const result = await response.json();
    if (!response.ok) throw new Error(`Queue ${method} failed: ${result.error}`);
    const { backlog_count, backlog_bytes, oldest_message_timestamp_ms: oldest } = result;
    const metrics = { backlogCount: backlog_count, backlogBytes: backlog_bytes };
    return oldest ? { ...metrics, oldestMessageTimestamp: new Date(oldest) } : metrics;
  }

  async send(body, options = {}) {
    return { metadata: { metrics: await this.#call("send", [encoded({ ...options, body })]) } };
  }

  async sendBatch(messages, options = {}) {
    const batch = [...messages].map((message) => encoded({ ...options, ...message }));
    return { metadata: { metrics: await this.#call("sendBatch", batch) } };
  }

  metrics() {
    return this.#call("metrics", []);
  }
}
