/** The audit log for those who report to it and read it. */
import type { z } from "zod";
import { append } from "../audit/append.ts";
import type { ChainedEntry } from "../audit/chain.ts";
import { type AuditFilter, type AuditPosition, listEntries } from "../audit/read.ts";
import type { AuditView, auditQuery, auditReport } from "../schemas/audit.ts";
import type { Work } from "../work.ts";

/** Adds what a command of ops did. Throws a `write-contended` problem. */
export async function reportAction(work: Work, { at, ...report }: z.infer<typeof auditReport>) {
  const { entry, is_new } = await append(work, {
    ...report,
    at_ms: Date.parse(at),
    source: "ops",
    key_id: work.caller.key_id,
  });
  return { entry: auditViewOf(entry), is_new };
}

/** A page of entries, newest first. */
export async function pageOfEntries(work: Work, { limit, cursor, ...wanted }: z.infer<typeof auditQuery>) {
  const before = cursor === undefined ? null : readCursor(cursor);
  const entries = await listEntries(work.stores.db, filterOf(wanted), before, limit + 1);
  const page = entries.slice(0, limit);
  const last = page.at(-1);
  const next_cursor = entries.length > limit && last ? `${last.at_ms}.${last.seq}` : null;
  return { entries: page.map(auditViewOf), next_cursor };
}

export function filterOf(wanted: {
  actionType?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}): AuditFilter {
  const { actionType = null, from, to } = wanted;
  const ms = (text: string | undefined) => (text === undefined ? null : Date.parse(text));
  return { action: actionType, from_ms: ms(from), to_ms: ms(to) };
}

export function auditViewOf({ entry_id, at_ms, chained_at_ms, detail, ...entry }: ChainedEntry): AuditView {
  const [at, chained_at] = [new Date(at_ms).toISOString(), new Date(chained_at_ms).toISOString()];
  return { ...entry, id: entry_id, at, chained_at, detail: JSON.parse(detail) };
}

/** The schema has checked its form. */
function readCursor(cursor: string): AuditPosition {
  const [at_ms = 0, seq = 0] = cursor.split(".").map(Number);
  return { at_ms, seq };
}
