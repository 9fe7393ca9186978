/** Documents in bulk: a batch is stored and announced to the queue at once, its job tells how far it is. */
import type { DocumentInput } from "../ground/document.ts";
import { Problem } from "../ground/problem.ts";
import { PART_CHARS_MAX, PART_DOCUMENTS_MAX } from "../limits.ts";
import { jobStatements, stageParts, unstageParts } from "../store/jobs.ts";
import { describeError } from "../telemetry/log.ts";
import type { Work } from "../work.ts";
import { type Claim, type Outcome, writeOrDefer } from "./defer.ts";

interface BatchInput {
  documents: readonly DocumentInput[];
  claim?: Claim | undefined;
}

/** Accepts a batch; the outcome names its job. Throws a `batch-not-stored` problem, and then nothing of it is kept. */
export async function writeBatch(work: Work, { documents, claim }: BatchInput): Promise<Outcome<{ job_id: string }>> {
  const { db, packs } = work.stores;
  const parts = splitIntoParts(documents);
  const job_id = crypto.randomUUID();
  const counts = { document_count: documents.length, part_count: parts.length };
  const job = { id: job_id, tenant: work.caller.tenant, created_at_ms: work.clock_ms(), ...counts };
  // Staged before anything else, so that a deferred batch is whole as well.
  await stageParts(packs, job_id, parts).catch(refuseBatch);
  const outcome = await writeOrDefer(
    work,
    { write: { type: "batch", ...counts }, received_at_ms: job.created_at_ms, claim, job_id },
    () => db.batch(jobStatements(db, job)),
  ).catch(async (error: unknown) => {
    await unstageParts(packs, job_id, parts.length).catch(() => {});
    return refuseBatch(error);
  });
  if ("earlier" in outcome) await unstageParts(packs, job_id, parts.length);
  if (!("done" in outcome)) return outcome;
  // Lost messages only delay: cron finds the parts.
  await work
    .enqueue(parts.map((_, part) => ({ type: "ingest", job_id, part })))
    .catch((error: unknown) => work.log("WARN", "a batch waits for cron", { job_id, error: describeError(error) }));
  return { done: { job_id } };
}

function refuseBatch(cause: unknown): never {
  if (cause instanceof Problem) throw cause;
  const detail = "The batch could not be stored; nothing of it was kept. Send it again.";
  throw new Problem("batch-not-stored", detail, { retry_after_s: 15, cause });
}

/** Parts small enough for one queue message to be worked on within its limits. */
function splitIntoParts(documents: readonly DocumentInput[]): DocumentInput[][] {
  const parts: DocumentInput[][] = [];
  let chars = 0;
  for (const document of documents) {
    const current = parts.at(-1);
    if (!current || current.length >= PART_DOCUMENTS_MAX || chars + document.text.length > PART_CHARS_MAX) {
      parts.push([document]);
      chars = document.text.length;
    } else {
      current.push(document);
      chars += document.text.length;
    }
  }
  return parts;
}
