/** Vectors that Vectorize is still owed after a write: paid at once, or by a queue message. */
import { embeddingModel } from "../vectors/models.ts";
import { settleFromStores } from "../vectors/settle.ts";
import type { Work } from "../work.ts";

/** Pays what an outbox row owes. What fails is left to the queue. */
export async function settleNow(work: Work, outbox_id: string): Promise<void> {
  const settled = settleFromStores(work.stores, embeddingModel(work.env), outbox_id, work.clock_ms());
  await settled.catch(() => settleLater(work, outbox_id));
}

/** Leaves an outbox row to the queue. A lost message only delays: cron finds the row. */
export async function settleLater(work: Work, outbox_id: string): Promise<void> {
  await work.enqueue([{ type: "settle", outbox_id }]).catch(() => {});
}
