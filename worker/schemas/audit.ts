/** The audit log as the API takes and shows it. */
import { z } from "@hono/zod-openapi";
import { AUDIT_OUTCOMES, auditEntry } from "../ground/audit-entry.ts";
import { AUDIT_PAGE_DEFAULT, AUDIT_PAGE_MAX } from "../limits.ts";
import { cursorOf, NO_CONTROLS, nextCursor, wholeNumber } from "./documents.ts";

const time = z.iso.datetime({ offset: true });
// With `meta`: commands have made these schemas before `.openapi` is there.
const { id, actor, action, outcome, subject, detail } = auditEntry.shape;

export const auditReport = z
  .strictObject({
    id: id.meta({
      description: "Of your choice: a repeated report makes no second entry.",
      example: "a3f1c2d4e5b60718",
    }),
    at: time.openapi({ description: "When it happened.", example: "2026-11-29T12:00:00Z" }),
    actor: actor.meta({ pattern: NO_CONTROLS, description: "Who did it.", example: "alice" }),
    action: action.meta({ example: "restore apply" }),
    outcome,
    subject: subject.default("").openapi({ pattern: NO_CONTROLS }),
    detail: detail.default({}).openapi({ type: "object", description: "Ids, counts and reasons; no secrets." }),
  })
  .openapi("AuditReport");

const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .openapi({ example: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" });

export const auditView = z
  .object({
    seq: z.int().openapi({ description: "Its place in the chain, from 1." }),
    id: z.string(),
    at: z.iso.datetime(),
    chained_at: z.iso
      .datetime()
      .openapi({ description: "When it was added: later than `at` if the service was down." }),
    source: z.enum(["service", "ops"]),
    actor: z.string(),
    key_id: z.string().openapi({ description: "Whose credential reported it." }),
    action: z.string(),
    outcome: z.enum(AUDIT_OUTCOMES),
    subject: z.string(),
    detail: z.record(z.string(), z.unknown()),
    prev_hash: sha256,
    hash: sha256,
  })
  .openapi("AuditEntry");
export type AuditView = z.infer<typeof auditView>;

export const auditPage = z
  .object({
    entries: z.array(auditView),
    next_cursor: nextCursor,
  })
  .openapi("AuditPage");

/** Which entries. `actionType` is the name that clients of the old system know. */
const auditFilter = {
  actionType: z.string().max(200).optional().openapi({ description: "The action, exactly.", example: "keys.create" }),
  from: time.optional().openapi({ description: "Not before this time." }),
  to: time.optional().openapi({ description: "Before this time." }),
};

export const auditQuery = z.strictObject({
  ...auditFilter,
  limit: wholeNumber(AUDIT_PAGE_MAX).default(AUDIT_PAGE_DEFAULT),
  cursor: cursorOf(/^\d{1,15}\.\d{1,15}$/),
});

export const auditVerification = z
  .strictObject({
    cursor: z
      .string()
      .regex(/^\d{1,15}\.[0-9a-f]{64}$/, "must be the `cursor` of an earlier answer")
      .optional()
      .openapi({ description: "Absent: from the oldest entry in the database." }),
  })
  .openapi("AuditVerification");

const head = z.object({ seq: z.int(), hash: sha256 });

export const auditIntegrity = z
  .object({
    ok: z.boolean().openapi({ description: "Nothing wrong with what this call has checked." }),
    checked: z.int().openapi({ description: "Entries found to be as they were written." }),
    first_bad: z
      .object({
        seq: z.int(),
        reason: z.enum(["missing", "out of order", "chained to another entry", "altered", "differs from its anchor"]),
      })
      .nullable()
      .openapi({ description: "The first entry that is not as it was written." }),
    head: head.openapi({ description: "The last entry that is." }),
    anchor: head
      .extend({ object: z.string() })
      .nullable()
      .openapi({ description: "The last segment of the archive that agrees." }),
    cursor: z.string().nullable().openapi({ description: "Pass it on to check what follows; null at the end." }),
  })
  .openapi("AuditIntegrity");

export const auditExportQuery = z.strictObject({
  ...auditFilter,
  format: z.enum(["csv", "json"]).default("json"),
  archive: z.enum(["0", "1"]).default("0").openapi({ description: "1: with what is in the archive only." }),
});

export const complianceRequest = z
  .strictObject({
    from: time.openapi({ description: "Not before this time.", example: "2026-01-01T00:00:00Z" }),
    to: time.openapi({ description: "Before this time.", example: "2027-01-01T00:00:00Z" }),
    format: z.enum(["csv", "json"]).default("json"),
  })
  .openapi("ComplianceRequest");

const count = z.int();
export const complianceReport = z
  .object({
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    generated_at: z.iso.datetime(),
    entries: count,
    by_action: z.array(z.object({ action: z.string(), outcome: z.enum(AUDIT_OUTCOMES), entries: count })),
    by_actor: z.array(z.object({ actor: z.string(), key_id: z.string(), entries: count })),
    chain: z.object({ head, archived_to: head.nullable() }),
    retention: z.object({ database_days: count, archive_days: count }),
  })
  .openapi("ComplianceReport");
export type ComplianceReport = z.infer<typeof complianceReport>;
