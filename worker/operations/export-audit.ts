/** The audit log as a whole, in the order of the chain: what the database holds, and before it what only the archive does. */

import type { z } from "zod";
import { AUDIT_LOCK_DAYS } from "../../infra/limits.ts";
import { readHead } from "../audit/append.ts";
import { listSegments, readSegment } from "../audit/archive.ts";
import { type ChainedEntry, GENESIS } from "../audit/chain.ts";
import { type AuditFilter, newestAnchor, readAfter } from "../audit/read.ts";
import { csvRecord } from "../ground/csv.ts";
import { DAY_MS } from "../ground/time.ts";
import { AUDIT_EXPORT_PAGE, AUDIT_KEPT_MS } from "../limits.ts";
import type { AuditView, auditExportQuery, ComplianceReport, complianceRequest } from "../schemas/audit.ts";
import type { Work } from "../work.ts";
import { auditViewOf, filterOf } from "./audit-log.ts";

const COLUMNS = [
  "seq",
  "at",
  "chained_at",
  "source",
  "actor",
  "key_id",
  "action",
  "outcome",
  "subject",
  "detail",
  "id",
  "prev_hash",
  "hash",
] as const satisfies readonly (keyof AuditView)[];

/** The export's text, piece by piece. @throws Error when a segment of the archive is gone. */
export async function* exportEntries(
  work: Work,
  { format, archive, ...wanted }: z.infer<typeof auditExportQuery>,
): AsyncGenerator<string> {
  const entries = matching(work, filterOf(wanted), archive === "1");
  if (format === "csv") {
    yield csvRecord(COLUMNS);
    for await (const entry of entries) {
      const view = { ...auditViewOf(entry), detail: entry.detail };
      yield csvRecord(COLUMNS.map((column) => view[column]));
    }
    return;
  }
  let separator = "[\n";
  for await (const entry of entries) {
    yield `${separator}${JSON.stringify(auditViewOf(entry))}`;
    separator = ",\n";
  }
  yield separator === "[\n" ? "[]\n" : "\n]\n";
}

/** What was done in a period, counted, and what vouches for it. Reads the archive, too. */
export async function complianceReportOf(
  work: Work,
  { from, to }: z.infer<typeof complianceRequest>,
): Promise<ComplianceReport> {
  const byAction = new Map<string, ComplianceReport["by_action"][number]>();
  const byActor = new Map<string, ComplianceReport["by_actor"][number]>();
  let entries = 0;
  for await (const { action, outcome, actor, key_id } of matching(work, filterOf({ from, to }), true)) {
    entries += 1;
    counted(byAction, `${action}\n${outcome}`, { action, outcome, entries: 0 });
    counted(byActor, `${actor}\n${key_id}`, { actor, key_id, entries: 0 });
  }
  const head = await readHead(work.stores.db);
  const iso = (time: string) => new Date(time).toISOString();
  return {
    from: iso(from),
    to: iso(to),
    generated_at: new Date(work.now_ms).toISOString(),
    entries,
    by_action: [...byAction.values()].sort((a, b) => (a.action < b.action ? -1 : 1)),
    by_actor: [...byActor.values()].sort((a, b) => b.entries - a.entries),
    chain: { head, archived_to: await newestAnchor(work.stores.db) },
    retention: { database_days: AUDIT_KEPT_MS / DAY_MS, archive_days: AUDIT_LOCK_DAYS },
  };
}

/** The counts of a report as CSV. */
export function complianceCsv({ by_action, by_actor }: ComplianceReport): string {
  return [
    csvRecord(["section", "name", "detail", "entries"]),
    ...by_action.map(({ action, outcome, entries }) => csvRecord(["action", action, outcome, entries])),
    ...by_actor.map(({ actor, key_id, entries }) => csvRecord(["actor", actor, key_id, entries])),
  ].join("");
}

function counted<Count extends { entries: number }>(counts: Map<string, Count>, name: string, first: Count): void {
  const count = counts.get(name) ?? first;
  count.entries += 1;
  counts.set(name, count);
}

async function* matching(work: Work, filter: AuditFilter, archive: boolean): AsyncGenerator<ChainedEntry> {
  const { action, from_ms, to_ms } = filter;
  for await (const entry of everyEntry(work, archive)) {
    const fits =
      (action === null || entry.action === action) &&
      (from_ms === null || entry.at_ms >= from_ms) &&
      (to_ms === null || entry.at_ms < to_ms);
    if (fits) yield entry;
  }
}

async function* everyEntry(work: Work, archive: boolean): AsyncGenerator<ChainedEntry> {
  const { db } = work.stores;
  const first = (await readAfter(db, 0, 1))[0]?.seq ?? 1;
  let { seq } = GENESIS;
  while (archive && seq < first - 1) {
    const segments = await listSegments(work.env.AUDIT_ARCHIVE, seq);
    // Of two branches (a restore goes back, see docs/audit-log.md) the one that the database continues is not known here: both are told.
    for (const segment of segments.filter(({ last_seq }) => last_seq < first))
      yield* await readSegment(work.env.AUDIT_ARCHIVE, segment);
    const last_seq = segments.at(-1)?.last_seq;
    if (last_seq === undefined) break;
    seq = last_seq;
  }
  for (let after = first - 1; ; ) {
    const page = await readAfter(db, after, AUDIT_EXPORT_PAGE);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < AUDIT_EXPORT_PAGE) return;
    after = last.seq;
  }
}
