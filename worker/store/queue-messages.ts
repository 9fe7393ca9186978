/**
 * What travels through the ingest queue. Messages only name things, the data lies in R2 and D1; but for audit entries, which wait for D1.
 * Queues have no headers: the trace that a message continues travels in its body.
 *
 * A field that is not known here is a newer release's, whose messages still wait when it was rolled back: what is known is done.
 */
import { z } from "zod";
import { auditEntry } from "../ground/audit-entry.ts";

/** Absent where nobody's request or task sent it: commands push messages, too. */
const traced = { traceparent: z.string().optional() };

export const queueMessage = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ingest"), job_id: z.string(), part: z.number().int(), ...traced }),
  /** A write that met the fence; `deferred-writes.ts` has it. */
  z.object({ type: z.literal("deferred"), job_id: z.string(), ...traced }),
  /** An answer to an idempotent request that met the fence, by its key in R2. */
  z.object({ type: z.literal("answer"), key: z.string(), ...traced }),
  /** A `probe` is cron's: it is not tried again, because cron sends another. */
  z.object({ type: z.literal("settle"), outbox_id: z.string(), probe: z.boolean().optional(), ...traced }),
  /** An entry that the database did not take. */
  z.object({ type: z.literal("audit"), entry: auditEntry, ...traced }),
  /** Of deep health: asks for nothing. */
  z.object({ type: z.literal("ping"), ...traced }),
]);
export type QueueMessage = z.infer<typeof queueMessage>;
