/** What travels through the ingest queue. Messages only name things, the data lies in R2 and D1; but for audit entries, which wait for D1. */
import { z } from "zod";
import { auditEntry } from "../ground/audit-entry.ts";

export const queueMessage = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("ingest"), job_id: z.string(), part: z.number().int() }),
  /** A write that met the fence; `deferred-writes.ts` has it. */
  z.strictObject({ type: z.literal("deferred"), job_id: z.string() }),
  /** An answer to an idempotent request that met the fence, by its key in R2. */
  z.strictObject({ type: z.literal("answer"), key: z.string() }),
  /** A `probe` is cron's: it is not tried again, because cron sends another. */
  z.strictObject({ type: z.literal("settle"), outbox_id: z.string(), probe: z.boolean().optional() }),
  /** An entry that the database did not take. */
  z.strictObject({ type: z.literal("audit"), entry: auditEntry }),
  /** Of deep health: asks for nothing. */
  z.strictObject({ type: z.literal("ping") }),
]);
export type QueueMessage = z.infer<typeof queueMessage>;
