/** What travels through the ingest queue. Messages only name things: the data lies in R2 and D1. */
import { z } from "zod";

export const queueMessage = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("ingest"), job_id: z.string(), part: z.number().int() }),
  /** A `probe` is cron's: it is not tried again, because cron sends another. */
  z.strictObject({ type: z.literal("settle"), outbox_id: z.string(), probe: z.boolean().optional() }),
]);
export type QueueMessage = z.infer<typeof queueMessage>;
