/** A part of a batch: ingested, or given up. */
import { z } from "zod";
import type { DocumentInput } from "../ground/document.ts";
import { settleLater } from "../operations/settle-vectors.ts";
import { ingest } from "../rag/ingest/ingest.ts";
import { NO_OUTCOME, stagedKey } from "../store/job-parts.ts";
import { finishPart, openPart } from "../store/jobs.ts";
import { embeddingModel } from "../vectors/models.ts";
import type { Work } from "../work.ts";

const staged = z.array(z.custom<DocumentInput>((value) => typeof value === "object" && value !== null));

/** Writes the documents of a part. Done twice it changes nothing. */
export async function ingestPart(work: Work, job_id: string, part: number): Promise<void> {
  const { env, stores, now_ms } = work;
  const open = await openPart(stores.db, job_id, part);
  if (!open) return;
  const key = stagedKey(job_id, part);
  const object = await stores.packs.get(key);
  if (!object) throw new Error(`the documents of job ${job_id} part ${part} are missing from R2`);
  const { documents, pending_outbox_id, cost } = await ingest(stores, open.tenant, staged.parse(await object.json()), {
    embedding_model: embeddingModel(env),
    now_ms,
    received_at_ms: open.created_at_ms,
  });
  if (pending_outbox_id !== null) await settleLater(work, pending_outbox_id);
  const outcome = { ...NO_OUTCOME, ...cost };
  for (const { status } of documents) outcome[status] += 1;
  await finishPart(stores.db, job_id, part, "done", outcome, now_ms);
  await stores.packs.delete(key);
}

/** Ends a part as failed, with every document of it. */
export async function failPart({ stores, now_ms }: Work, job_id: string, part: number): Promise<void> {
  const documents = await stores.packs.get(stagedKey(job_id, part));
  const ids = documents ? staged.parse(await documents.json()).map(({ id }) => id) : [];
  const detail = "could not be ingested after several tries; the message is kept as a dead letter and can be replayed";
  const outcome = { ...NO_OUTCOME, failed: ids.length, errors: ids.map((id) => ({ id, detail })) };
  await finishPart(stores.db, job_id, part, "failed", outcome, now_ms);
}
