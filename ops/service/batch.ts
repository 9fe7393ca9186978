/** Documents in bulk: through `documents/batch` in bounded requests, then waiting until their jobs are done. */
import { setTimeout as pause } from "node:timers/promises";
import type { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import type { DocumentFormat } from "../../worker/ground/document.ts";
import { jobAccepted, jobView } from "../../worker/schemas/documents.ts";
import { EXIT, OpsError } from "../command/errors.ts";
import { BATCH_BYTES, BATCH_DOCUMENTS, JOB_POLL_MS } from "../limits.ts";
import type { Client } from "./client.ts";

export interface DocumentInput {
  id: string;
  title: string;
  text: string;
  format?: DocumentFormat;
}

/** What became of the documents sent. */
interface BatchOutcome {
  created: number;
  updated: number;
  unchanged: number;
  /** As D1 bills them: table rows and index entries. */
  rows_written: number;
  embedded_texts: number;
}

/**
 * Sends all documents and waits until every one is indexed.
 * @throws OpsError (exit code 4) naming the first document that the service could not index.
 */
export async function sendDocuments(
  client: Client,
  documents: readonly DocumentInput[],
  signal: AbortSignal,
  on_progress?: (done: number) => void,
): Promise<BatchOutcome> {
  const total: BatchOutcome = { created: 0, updated: 0, unchanged: 0, rows_written: 0, embedded_texts: 0 };
  const jobs: { id: string; size: number }[] = [];
  for (const batch of batches(documents)) {
    jobs.push({ id: await submit(client, batch), size: batch.length });
  }
  let done = 0;
  for (const { id, size } of jobs) {
    const job = await finishedJob(client, id, signal);
    const [first] = job.errors;
    if (job.state !== "done") {
      throw new OpsError(
        {
          op: "index document",
          subject: first?.id ?? `of job ${id}`,
          cause: `${first?.detail ?? "no detail"} (${counted(job.failed, "document")} of this job failed)`,
          hint: "correct the document and repeat: what is indexed already is skipped as unchanged",
        },
        { exit_code: EXIT.partial },
      );
    }
    total.created += job.created;
    total.updated += job.updated;
    total.unchanged += job.unchanged;
    total.rows_written += job.cost.rows_written;
    total.embedded_texts += job.cost.embedded_texts;
    done += size;
    on_progress?.(done);
  }
  return total;
}

/** Sends one of `batches` and returns the id of its job. */
export async function submit(client: Pick<Client, "post">, batch: readonly DocumentInput[]): Promise<string> {
  const as = { repeatable: true, answer: jobAccepted };
  return (await client.post("/api/v1/documents/batch", { documents: batch }, as)).job_id;
}

/** Waits until a job has ended, well or not. */
export async function finishedJob(
  client: Pick<Client, "get">,
  id: string,
  signal?: AbortSignal,
): Promise<z.infer<typeof jobView>> {
  for (;;) {
    const job = await client.get(`/api/v1/jobs/${id}`, jobView);
    if (job.state !== "queued" && job.state !== "running") return job;
    await pause(JOB_POLL_MS, undefined, signal && { signal });
  }
}

/** Consecutive runs that fit a request by number and by size; a document over the size goes alone. */
export function* batches<Document extends DocumentInput>(documents: readonly Document[]): Generator<Document[]> {
  let batch: Document[] = [];
  let bytes = 0;
  for (const document of documents) {
    const size = Buffer.byteLength(JSON.stringify(document));
    if (batch.length > 0 && (batch.length === BATCH_DOCUMENTS || bytes + size > BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(document);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
