/** What happened, as whoever did it reports it: before it has a place in the chain (`audit/chain.ts`). */
import { z } from "zod";
import { AUDIT_DETAIL_BYTES_MAX, AUDIT_NAME_CHARS_MAX } from "../limits.ts";

/** One line of text that survives SQLite and JSON unchanged. */
const line = z
  .string()
  .max(AUDIT_NAME_CHARS_MAX)
  .refine((text) => text.isWellFormed() && !/\p{Cc}/u.test(text), "must be Unicode text without control characters");

export const AUDIT_OUTCOMES = ["done", "done in part", "rolled back", "refused", "failed"] as const;

export const auditEntry = z.strictObject({
  /** Chosen by whoever reports: a repeated report makes no second entry. */
  id: z.string().regex(/^[\w.-]{8,64}$/, "8 to 64 letters, digits, `.`, `_` and `-`"),
  at_ms: z.int().min(0),
  /** `service`: the Worker itself; `ops`: a command of ops. */
  source: z.enum(["service", "ops"]),
  /** Who did it, in the words of whoever reports. */
  actor: line.min(1),
  /** Whose credential the report came with: a key's id, or `operator` for whoever can write to the stack's account. */
  key_id: line.min(1),
  /** `keys.create`, `deploy`, `restore apply` … */
  action: z
    .string()
    .max(AUDIT_NAME_CHARS_MAX)
    .regex(/^[a-z][a-z0-9 ._-]*$/, "lower case, as `keys.create` or `restore apply`"),
  outcome: z.enum(AUDIT_OUTCOMES),
  /** What it was done to; empty where the action says it all. */
  subject: line,
  /** Ids, counts and reasons. Never a secret, never a text of a document. */
  detail: z
    .record(z.string(), z.json())
    .refine(
      (detail) => new TextEncoder().encode(JSON.stringify(detail)).length <= AUDIT_DETAIL_BYTES_MAX,
      `must be at most ${AUDIT_DETAIL_BYTES_MAX} bytes of JSON`,
    ),
});
export type AuditEntry = z.infer<typeof auditEntry>;
