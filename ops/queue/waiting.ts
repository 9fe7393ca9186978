/** Messages that wait in the queue, as Cloudflare shows them without handing them out. */
import { QUEUE_PEEK_MAX } from "../limits.ts";
import type { QueueAccess } from "./access.ts";
import type { Letter } from "./letters.ts";

export interface WaitingMessage {
  /** What Cloudflare calls it by when it is to be removed. */
  ref: string;
  /** As a letter would be kept of it; `failed_at_ms` is when it was sent. */
  letter: Letter;
}

/** The next ones, at most `limit`. */
export async function peekWaiting(
  { client, account_id, ingest_id }: QueueAccess,
  limit: number = QUEUE_PEEK_MAX,
): Promise<WaitingMessage[]> {
  const { messages = [] } = await client.queues.messages.peek(ingest_id, { account_id, batch_size: limit });
  return messages.map(({ id = "", ref = "", body = "", attempts = 0, timestamp_ms = 0, metadata }) => ({
    ref,
    letter: { id, queue: "waiting", body: textOf(body, metadata), attempts, failed_at_ms: timestamp_ms },
  }));
}

/** JSON comes as base64, text as it is. https://developers.cloudflare.com/queues/configuration/pull-consumers/ */
function textOf(body: string, metadata: unknown): string {
  const type = (metadata as Record<string, unknown> | undefined)?.["CF-Content-Type"];
  return type === "text" ? JSON.stringify(body) : Buffer.from(body, "base64").toString("utf8");
}
