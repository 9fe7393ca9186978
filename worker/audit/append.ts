/** Adding to the chain, while other isolates do. */
import type { AuditEntry } from "../ground/audit-entry.ts";
import { Problem } from "../ground/problem.ts";
import {
  AUDIT_APPEND_TRIES_MAX,
  AUDIT_BACKOFF_MAX_MS,
  AUDIT_BACKOFF_MIN_MS,
  AUDIT_DETAIL_BYTES_MAX,
  AUDIT_NAME_CHARS_MAX,
  AUDIT_TURN_MAX_MS,
  CONTENDED_RETRY_AFTER_S,
} from "../limits.ts";
import { describeError } from "../telemetry/log.ts";
import type { Work } from "../work.ts";
import { type ChainedEntry, canonicalJson, chained, GENESIS, type Head } from "./chain.ts";

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

/** Only behind the newest entry that is there: a head that is remembered may be of a log that a restore has taken back. */
const INSERT = `INSERT INTO audit_log (${COLUMNS.join(", ")})
  SELECT ${COLUMNS.map((_, index) => `?${index + 1}`).join(", ")}
  WHERE ?2 = COALESCE((SELECT hash FROM audit_log ORDER BY seq DESC LIMIT 1), '${GENESIS.hash}')
  ON CONFLICT DO NOTHING`;

/** The newest entry, and the one that was reported under an id if there is one. */
const NEWEST_AND_OWN = `SELECT * FROM audit_log WHERE seq = (SELECT MAX(seq) FROM audit_log) OR entry_id = ?1`;

/** The newest entry's place. One entry at least stays in the table when the others are archived. */
export async function readHead(db: D1Database): Promise<Head> {
  const sql = "SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1";
  return (await db.prepare(sql).first<Head>()) ?? GENESIS;
}

/** As this isolate saw it last. */
let known: Head = GENESIS;
/** Done when the writer before has its place, so that those of one isolate do not race each other. */
let turn: Promise<void> = Promise.resolve();

/**
 * Gives an entry its place, or finds the one that an earlier report of it was given (`is_new` is false then).
 * @throws Problem `write-contended` when others came first every time; the entry is not in the chain then.
 */
export async function append(work: Work, entry: AuditEntry): Promise<{ entry: ChainedEntry; is_new: boolean }> {
  const before = turn;
  const { promise, resolve } = Promise.withResolvers<void>();
  turn = promise;
  try {
    // The request before may have been broken off, and then never says that it is done.
    await Promise.race([before, scheduler.wait(AUDIT_TURN_MAX_MS)]);
    return await race(work, entry);
  } finally {
    resolve();
  }
}

async function race(work: Work, entry: AuditEntry): Promise<{ entry: ChainedEntry; is_new: boolean }> {
  const { db } = work.stores;
  for (let tries = 1; tries <= AUDIT_APPEND_TRIES_MAX; tries += 1) {
    const placed = await chained(entry, known, work.clock_ms());
    const [inserted, found] = await db.batch<ChainedEntry>([
      db.prepare(INSERT).bind(...COLUMNS.map((column) => placed[column])),
      db.prepare(NEWEST_AND_OWN).bind(entry.id),
    ]);
    const entries = found?.results ?? [];
    known = entries.reduce<Head>((newest, one) => (one.seq > newest.seq ? one : newest), GENESIS);
    const own = entries.find(({ entry_id }) => entry_id === entry.id);
    if (own !== undefined) return { entry: own, is_new: inserted?.meta.changes !== 0 };
    // Who waits a different time meets fewer of the other isolates at the next try.
    if (tries > 1)
      await scheduler.wait(Math.random() * Math.min(AUDIT_BACKOFF_MIN_MS * 2 ** tries, AUDIT_BACKOFF_MAX_MS));
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
  const told = { request_id: work.request_id, ...(principal === null ? {} : { tenant: principal.tenant }) };
  const whole = { ...told, ...detail };
  const bytes = new TextEncoder().encode(canonicalJson(whole)).length;
  const entry: AuditEntry = {
    id: crypto.randomUUID(),
    at_ms: work.clock_ms(),
    source: "service",
    actor: who,
    key_id: who,
    action,
    outcome,
    subject: oneLine(subject),
    detail: bytes <= AUDIT_DETAIL_BYTES_MAX ? whole : { ...told, detail_bytes: bytes },
  };
  try {
    await append(work, entry);
  } catch (error) {
    await work.enqueue([{ type: "audit", entry }]).catch((unsent: unknown) => {
      const why = { error: describeError(error), unsent: describeError(unsent) };
      work.log("ERROR", "an audit entry is lost", { action, subject, outcome, ...why });
    });
  }
}

/** As an entry takes it, whatever a caller has named. */
function oneLine(text: string): string {
  return text
    .replace(/\p{Cc}/gu, " ")
    .slice(0, AUDIT_NAME_CHARS_MAX)
    .toWellFormed();
}
