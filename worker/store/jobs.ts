/**
 * Asynchronous ingestion as D1 sees it: a job, its parts, and letters that died.
 *
 * A part's documents lie in R2 and the queue message only names them: messages stay small whatever the documents
 * are, and a part whose message was lost can be sent again.
 */
import { NO_OUTCOME, type PartOutcome, partOutcome, stagedKey } from "./job-parts.ts";

const COUNTS = ["created", "updated", "unchanged", "superseded", "failed", "rows_written", "embedded_texts"] as const;

export interface JobStatus extends PartOutcome {
  id: string;
  state: "queued" | "running" | "done" | "partial" | "failed";
  documents: number;
  parts: { total: number; done: number; failed: number };
  created_at_ms: number;
  finished_at_ms: number | null;
}

/** A job before its parts are done. */
interface NewJob {
  id: string;
  tenant: string;
  document_count: number;
  part_count: number;
  created_at_ms: number;
}

/** Puts the documents of a job's parts into R2; when one fails none stays behind. The job's rows come after them. */
export async function stageParts(
  packs: R2Bucket,
  job_id: string,
  parts: readonly (readonly unknown[])[],
): Promise<void> {
  // All of them are waited for, so that none arrives after the others were removed.
  const puts = await Promise.allSettled(
    parts.map((part, index) => packs.put(stagedKey(job_id, index), JSON.stringify(part))),
  );
  const failed = puts.find((put) => put.status === "rejected");
  if (failed === undefined) return;
  await unstageParts(packs, job_id, parts.length).catch(() => {});
  throw failed.reason;
}

/** Removes the documents of all parts of a job. */
export async function unstageParts(packs: R2Bucket, job_id: string, part_count: number): Promise<void> {
  // R2 takes 1000 keys a call; a batch has no more documents than that.
  await packs.delete(Array.from({ length: part_count }, (_, part) => stagedKey(job_id, part)));
}

/** The rows of a job and its parts, all still to do. Run twice, the second batch fails with an error of `isJobRecorded`. */
export function jobStatements(db: D1Database, job: NewJob): D1PreparedStatement[] {
  return [
    insertJob(db, job),
    db
      .prepare(
        `WITH RECURSIVE parts (part) AS (SELECT 0 UNION ALL SELECT part + 1 FROM parts WHERE part + 1 < ?2)
         INSERT INTO job_parts (job_id, part, state, outcome) SELECT ?1, part, 'queued', ?3 FROM parts`,
      )
      .bind(job.id, job.part_count, JSON.stringify(NO_OUTCOME)),
  ];
}

/** The rows of a job of one part that is over when they are written. Repeated like `jobStatements`. */
export function finishedJobStatements(
  db: D1Database,
  job: Omit<NewJob, "part_count">,
  outcome: PartOutcome,
  now_ms: number,
): D1PreparedStatement[] {
  return [
    insertJob(db, { ...job, part_count: 1 }),
    db
      .prepare("INSERT INTO job_parts (job_id, part, state, outcome, finished_at_ms) VALUES (?, 0, ?, ?, ?)")
      .bind(job.id, outcome.failed > 0 ? "failed" : "done", JSON.stringify(outcome), now_ms),
  ];
}

/** True when a batch failed because its job is there already: an earlier run of the same work was committed. */
export function isJobRecorded(error: unknown): boolean {
  return error instanceof Error && error.message.includes("UNIQUE constraint failed: jobs.id");
}

function insertJob(db: D1Database, { id, tenant, document_count, part_count, created_at_ms }: NewJob) {
  return db
    .prepare("INSERT INTO jobs (id, tenant, document_count, part_count, created_at_ms) VALUES (?, ?, ?, ?, ?)")
    .bind(id, tenant, document_count, part_count, created_at_ms);
}

/** Tenant of a part that is still to do and when its job was received; null when it is finished (a message came twice) or the job is unknown. */
export async function openPart(
  db: D1Database,
  job_id: string,
  part: number,
): Promise<{ tenant: string; created_at_ms: number } | null> {
  return db
    .prepare(
      `SELECT j.tenant, j.created_at_ms FROM job_parts p JOIN jobs j ON j.id = p.job_id
       WHERE p.job_id = ?1 AND p.part = ?2 AND p.state = 'queued'`,
    )
    .bind(job_id, part)
    .first<{ tenant: string; created_at_ms: number }>();
}

export async function finishPart(
  db: D1Database,
  job_id: string,
  part: number,
  state: "done" | "failed",
  outcome: PartOutcome,
  now_ms: number,
): Promise<void> {
  await db
    .prepare(
      `UPDATE job_parts SET state = ?3, outcome = ?4, finished_at_ms = ?5
       WHERE job_id = ?1 AND part = ?2 AND state = 'queued'`,
    )
    .bind(job_id, part, state, JSON.stringify(outcome), now_ms)
    .run();
}

/** The sum of a job's parts. Null when the tenant has no such job. */
export async function readJob(db: D1Database, tenant: string, job_id: string): Promise<JobStatus | null> {
  const [jobs, parts] = await db.batch<Record<string, unknown>>([
    db.prepare("SELECT document_count, created_at_ms FROM jobs WHERE id = ?1 AND tenant = ?2").bind(job_id, tenant),
    db
      .prepare(
        `SELECT p.state, p.outcome, p.finished_at_ms FROM job_parts p JOIN jobs j ON j.id = p.job_id
         WHERE j.id = ?1 AND j.tenant = ?2 ORDER BY p.part`,
      )
      .bind(job_id, tenant),
  ]);
  const job = jobs?.results[0] as { document_count: number; created_at_ms: number } | undefined;
  if (!job) return null;
  const rows = (parts?.results ?? []) as { state: string; outcome: string; finished_at_ms: number | null }[];
  const sum = structuredClone(NO_OUTCOME);
  for (const { outcome } of rows) {
    const part = partOutcome.parse(JSON.parse(outcome));
    for (const key of COUNTS) {
      sum[key] += part[key];
    }
    sum.errors.push(...part.errors);
  }
  const failed = rows.filter(({ state }) => state === "failed").length;
  const done = rows.filter(({ state }) => state === "done").length;
  const open = rows.length - failed - done;
  const finished_at_ms = open > 0 ? null : Math.max(...rows.map((row) => row.finished_at_ms ?? 0));
  return {
    id: job_id,
    state:
      open > 0
        ? open === rows.length
          ? "queued"
          : "running"
        : failed === 0
          ? "done"
          : done === 0
            ? "failed"
            : "partial",
    documents: job.document_count,
    parts: { total: rows.length, done, failed },
    created_at_ms: job.created_at_ms,
    finished_at_ms,
    ...sum,
  };
}

/** Parts that are still queued long after their job was made: their message was lost. */
export async function overdueParts(
  db: D1Database,
  before_ms: number,
  limit: number,
): Promise<{ job_id: string; part: number }[]> {
  const { results } = await db
    .prepare(
      `SELECT p.job_id, p.part FROM job_parts p JOIN jobs j ON j.id = p.job_id
       WHERE p.state = 'queued' AND j.created_at_ms < ?1 LIMIT ?2`,
    )
    .bind(before_ms, limit)
    .all<{ job_id: string; part: number }>();
  return results;
}

interface DeadLetter {
  id: string;
  queue: string;
  body: string;
  attempts: number;
  failed_at_ms: number;
}

/** The newest letters that died. */
export async function listDeadLetters(db: D1Database, limit: number): Promise<DeadLetter[]> {
  const sql = "SELECT id, queue, body, attempts, failed_at_ms FROM dead_letters ORDER BY failed_at_ms DESC LIMIT ?1";
  return (await db.prepare(sql).bind(limit).all<DeadLetter>()).results;
}

/** Keeps a message that failed for good, so that it can be read, replayed or purged. Idempotent by message id. */
export async function recordDeadLetter(db: D1Database, letter: DeadLetter): Promise<void> {
  await db
    .prepare(
      "INSERT INTO dead_letters (id, queue, body, attempts, failed_at_ms) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
    )
    .bind(letter.id, letter.queue, letter.body, letter.attempts, letter.failed_at_ms)
    .run();
}
