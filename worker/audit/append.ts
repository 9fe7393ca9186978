/** Adding to the chain, while other isolates do. */
import { type AuditEntry, auditEntry } from "../ground/audit-entry.ts";
import { Problem } from "../ground/problem.ts";
import { AUDIT_APPEND_TRIES_MAX, AUDIT_BACKOFF_MAX_MS, CONTENDED_RETRY_AFTER_S } from "../limits.ts";
import type { QueueMessage } from "../store/queue-messages.ts";
import { describeError } from "../telemetry/log.ts";
import type { Work } from "../work.ts";
import { type ChainedEntry, chained, GENESIS, type Head } from "./chain.ts";

const COLUMNS = [
  "seq",
  "prev_hash",
  "hash",
  "entry_id",
  "at_ms",
  "chained_at_ms",
  "source",
  "actor",
  "key_id",
  "action",
  "outcome",
  "subject",
  "detail",
] as const satisfies readonly (keyof ChainedEntry)[];

const INSERT = `INSERT INTO audit_log (${COLUMNS.join(", ")})
  VALUES (${COLUMNS.map((_, index) => `?${index + 1}`).join(", ")}) ON CONFLICT DO NOTHING`;

export const headStatement = (db: D1Database) =>
  db.prepare("SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1");

/** The newest entry's place. One entry at least stays in the table when the others are archived. */
export async function readHead(db: D1Database): Promise<Head> {
  return (await headStatement(db).first<Head>()) ?? GENESIS;
}

/**
 * Gives an entry its place, or finds the one that an earlier report of it was given (`is_new` is false then).
 * @throws Problem `write-contended` when others came first every time; the entry is not in the chain then.
 */
export async function append(work: Work, entry: AuditEntry): Promise<{ entry: ChainedEntry; is_new: boolean }> {
  const { db } = work.stores;
  let head = await readHead(db);
  for (let tries = 1; tries <= AUDIT_APPEND_TRIES_MAX; tries += 1) {
    const placed = await chained(entry, head, work.clock_ms());
    const [inserted, found, newest] = await db.batch<ChainedEntry>([
      db.prepare(INSERT).bind(...COLUMNS.map((column) => placed[column])),
      db.prepare("SELECT * FROM audit_log WHERE entry_id = ?1").bind(entry.id),
      headStatement(db),
    ]);
    const existing = found?.results[0];
    if (existing !== undefined) return { entry: existing, is_new: inserted?.meta.changes !== 0 };
    head = newest?.results[0] ?? GENESIS;
    // Who waits a different time meets fewer of the others at the next try.
    await scheduler.wait(Math.random() * Math.min(2 ** tries, AUDIT_BACKOFF_MAX_MS));
  }
  throw new Problem("write-contended", "Others kept adding to the audit log, and this was not added. Send it again.", {
    retry_after_s: CONTENDED_RETRY_AFTER_S,
  });
}

/** Something that the service did for a caller, or by itself. */
interface Act {
  action: string;
  subject?: string;
  outcome?: AuditEntry["outcome"];
  detail?: AuditEntry["detail"];
}

/**
 * Leaves an act of this unit of work in the audit log. Never throws: where the database takes nothing now (it is fenced or down),
 * a queue message brings the entry later. Name ids, counts and reasons; no secrets and no texts.
 */
export async function audit(work: Work, { action, subject = "", outcome = "done", detail = {} }: Act): Promise<void> {
  const { principal } = work;
  const who = principal?.key_id ?? (work.kind === "request" ? "anonymous" : "service");
  const entry = auditEntry.parse({
    id: crypto.randomUUID(),
    at_ms: work.clock_ms(),
    source: "service",
    actor: who,
    key_id: who,
    action,
    outcome,
    subject,
    detail: { request_id: work.request_id, ...(principal === null ? {} : { tenant: principal.tenant }), ...detail },
  });
  try {
    await append(work, entry);
  } catch (error) {
    const message: QueueMessage = { type: "audit", entry };
    await work.env.INGEST_QUEUE.send(message).catch((unsent: unknown) => {
      const why = { error: describeError(error), unsent: describeError(unsent) };
      work.log("ERROR", "an audit entry is lost", { action, subject, outcome, ...why });
    });
  }
}
