/**
 * Asynchronous ingestion as D1 sees it: a job, its parts, and letters that died.
 *
 * A part's documents lie in R2 and the queue message only names them: messages stay small whatever the documents
 * are, and a part whose message was lost can be sent again.
 */
import { z } from "zod";

export const partOutcome = z.object({
  created: z.number(),
  updated: z.number(),
  unchanged: z.number(),
  failed: z.number(),
  rows_written: z.number(),
  embedded_texts: z.number(),
  errors: z.array(z.object({ id: z.string(), detail: z.string() })),
});
export type PartOutcome = z.infer<typeof partOutcome>;

export const NO_OUTCOME: PartOutcome = {
  created: 0,
  updated: 0,
  unchanged: 0,
  failed: 0,
  rows_written: 0,
  embedded_texts: 0,
  errors: [],
};

export interface JobStatus extends PartOutcome {
  id: string;
  state: "queued" | "running" | "done" | "partial" | "failed";
  documents: number;
  parts: { total: number; done: number; failed: number };
  created_at_ms: number;
  finished_at_ms: number | null;
}

/** Where a part's documents wait in R2. */
export function stagedKey(job_id: string, part: number): string {
  return `staging/${job_id}/${part}.json`;
}

/** Puts the documents of a job's parts into R2, then its rows into D1; when either fails nothing stays behind. */
export async function createJob(
  { db, packs }: { db: D1Database; packs: R2Bucket },
  job: { id: string; tenant: string; created_at_ms: number },
  parts: readonly (readonly unknown[])[],
): Promise<void> {
  const keys = parts.map((_, part) => stagedKey(job.id, part));
  try {
    // All of them are waited for, so that none arrives after the others were removed.
    const puts = await Promise.allSettled(
      parts.map((part, index) => packs.put(keys[index] ?? "", JSON.stringify(part))),
    );
    for (const put of puts) if (put.status === "rejected") throw put.reason;
    await insertJob(db, job, parts);
  } catch (error) {
    // R2 takes 1000 keys a call; a batch has no more documents than that.
    await packs.delete(keys).catch(() => {});
    throw error;
  }
}

async function insertJob(
  db: D1Database,
  { id, tenant, created_at_ms }: { id: string; tenant: string; created_at_ms: number },
  parts: readonly (readonly unknown[])[],
): Promise<void> {
  const documents = parts.reduce((sum, part) => sum + part.length, 0);
  await db.batch([
    db
      .prepare("INSERT INTO jobs (id, tenant, document_count, part_count, created_at_ms) VALUES (?, ?, ?, ?, ?)")
      .bind(id, tenant, documents, parts.length, created_at_ms),
    db
      .prepare(
        `WITH RECURSIVE parts (part) AS (SELECT 0 UNION ALL SELECT part + 1 FROM parts WHERE part + 1 < ?2)
         INSERT INTO job_parts (job_id, part, state, outcome) SELECT ?1, part, 'queued', ?3 FROM parts`,
      )
      .bind(id, parts.length, JSON.stringify(NO_OUTCOME)),
  ]);
}

/** Tenant of a part that is still to do; null when it is finished (a message came twice) or the job is unknown. */
export async function openPart(db: D1Database, job_id: string, part: number): Promise<{ tenant: string } | null> {
  return db
    .prepare(
      `SELECT j.tenant FROM job_parts p JOIN jobs j ON j.id = p.job_id
       WHERE p.job_id = ?1 AND p.part = ?2 AND p.state = 'queued'`,
    )
    .bind(job_id, part)
    .first<{ tenant: string }>();
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
    for (const key of ["created", "updated", "unchanged", "failed", "rows_written", "embedded_texts"] as const) {
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

/** Keeps a message that failed for good, so that it can be read, replayed or purged. Idempotent by message id. */
export async function recordDeadLetter(
  db: D1Database,
  letter: { id: string; queue: string; body: string; attempts: number; failed_at_ms: number },
): Promise<void> {
  await db
    .prepare(
      "INSERT INTO dead_letters (id, queue, body, attempts, failed_at_ms) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
    )
    .bind(letter.id, letter.queue, letter.body, letter.attempts, letter.failed_at_ms)
    .run();
}
