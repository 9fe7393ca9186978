/** From this machine into the stack's audit log, by the way of `waiting-reports.ts`. */
import { createHash, randomUUID } from "node:crypto";
import { type AuditEntry, auditEntry } from "../../worker/ground/audit-entry.ts";
import { AUDIT_DETAIL_BYTES_MAX } from "../../worker/limits.ts";
import { actorName } from "./actor.ts";
import { asOpsError, isReason } from "./errors.ts";
import type { Invocation } from "./invocation.ts";
import type { JournalEntry } from "./journal.ts";
import { bringReport, isNowhere, keepReport, type ReportKind, waitingFolder } from "./waiting-reports.ts";

const AUDIT_RECORDS: ReportKind<AuditEntry> = {
  kind: "audit",
  schema: auditEntry,
  request: ({ id, at_ms, actor, action, outcome, subject, detail }) => ({
    path: "/api/v1/audit-logs",
    body: { id, at: new Date(at_ms).toISOString(), actor, action, outcome, subject, detail },
  }),
  settled: [],
};

/** Keeps a record for the audit log and brings it there, with those that waited. Never throws: what was done is done. */
export async function reportAction(
  sender: Pick<Invocation, "stack" | "data_dir" | "env" | "note">,
  entry: JournalEntry,
  at_ms: number,
): Promise<void> {
  // A database that is half restored is compared with its snapshot when the command is resumed: nothing may be written into it.
  const isHeldBack = /^(restore|generation) /.test(entry.action) && entry.outcome !== "done";
  try {
    await (isHeldBack ? keepReport : bringReport)(sender, AUDIT_RECORDS, entryOf(entry, at_ms));
  } catch (error) {
    // It makes what a stack begins with: there is no log yet, and the first deployment brings this along.
    if (entry.action === "bootstrap" && isReason(error, "resource-missing")) return;
    if (isNowhere(error)) return sender.note(`Warning: the stack's audit log lacks this action: ${String(error)}`);
    const folder = waitingFolder(sender, AUDIT_RECORDS);
    sender.note(`The audit record of this waits in ${folder} for the next command: ${asOpsError(error).message}`);
  }
}

function entryOf({ action, outcome, detail }: JournalEntry, at_ms: number): AuditEntry {
  const text = JSON.stringify(detail);
  const bytes = Buffer.byteLength(text);
  const sha256 = createHash("sha256").update(text).digest("hex");
  return auditEntry.parse({
    id: randomUUID(),
    at_ms,
    source: "ops",
    actor: actorName(),
    key_id: "operator",
    action,
    outcome,
    subject: "",
    // The journal of this machine has it whole.
    detail: bytes <= AUDIT_DETAIL_BYTES_MAX ? JSON.parse(text) : { detail_bytes: bytes, detail_sha256: sha256 },
  });
}
