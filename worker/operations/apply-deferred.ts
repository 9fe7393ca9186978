/**
 * Applies writes that met the write fence: each exactly once, those of one document in the order received, on the database
 * that this version is bound to.
 *
 * The rows of the operation's job are committed in the batch that does the write, so a second run of the same operation
 * fails on them and changes nothing, however late it comes.
 */
import { failedHeader, PreconditionFailed } from "../ground/precondition.ts";
import { type DocumentResult, ingest } from "../rag/ingest/ingest.ts";
import {
  type DeferredAnswer,
  type DeferredOperation,
  findAnswer,
  forgetOperation,
  jobsInLine,
  joinLine,
  readAnswer,
  readOperation,
} from "../store/deferred-writes.ts";
import { deleteDocument } from "../store/document-writes.ts";
import { readDocument } from "../store/documents.ts";
import { feedbackStatement } from "../store/feedback.ts";
import { lateAnswerStatement } from "../store/idempotency.ts";
import { NO_OUTCOME, type PartOutcome } from "../store/job-parts.ts";
import { finishedJobStatements, isJobRecorded, jobStatements } from "../store/jobs.ts";
import { embeddingModel } from "../vectors/models.ts";
import type { Stores, Work } from "../work.ts";
import { settleNow } from "./settle-vectors.ts";

/**
 * Applies an operation, and before it all that were received earlier for the same document. One that is gone was applied.
 * @throws an error of `isFenced` while the fence is up.
 */
export async function applyDeferred(work: Work, job_id: string): Promise<void> {
  const { stores } = work;
  const operation = await readOperation(stores.packs, job_id);
  if (operation === null || (await isAbandoned(stores.packs, operation))) return;
  const { tenant, write } = operation;
  if (write.type === "batch" || write.type === "feedback") return applyOne(work, operation);

  let line = await jobsInLine(stores.packs, tenant, write);
  if (!line.includes(job_id)) {
    await joinLine(stores.packs, operation);
    line = await jobsInLine(stores.packs, tenant, write);
  }
  for (const id of line) {
    const next = id === job_id ? operation : await readOperation(stores.packs, id);
    if (next !== null) await applyOne(work, next);
    if (id === job_id) return;
  }
  // Beyond the page of the line that was read: those before it have gone now, so the next try gets further.
  throw new Error(`the deferred write ${job_id} waits behind ${line.length} others of the same document`);
}

/** Makes a deferred answer a row of D1. @throws an error of `isFenced` while the fence is up. */
export async function applyAnswer({ stores: { db, packs } }: Work, key: string): Promise<void> {
  const answer = await readAnswer(packs, key);
  if (answer === null) return;
  // The operation takes its answer along.
  if (answer.job_id !== null && (await readOperation(packs, answer.job_id)) !== null) return;
  await lateAnswerStatement(db, answer).run();
  await packs.delete(key);
}

/** The request ended before its Idempotency-Key was claimed: nobody was told that it would be done. */
async function isAbandoned(packs: R2Bucket, { owner, job_id }: DeferredOperation): Promise<boolean> {
  return owner !== null && (await findAnswer(packs, owner))?.job_id !== job_id;
}

async function applyOne(work: Work, operation: DeferredOperation): Promise<void> {
  try {
    await perform(work, operation);
  } catch (error) {
    if (!isJobRecorded(error)) throw error;
  }
  await forgetOperation(work.stores.packs, operation);
}

/**
 * The statements that end waiting operations because a later write of their document takes their place: for the batch of
 * that write. It fails with an error of `isJobRecorded` when one of them was applied meanwhile.
 */
export async function supersedingStatements(
  stores: Pick<Stores, "db" | "packs">,
  operations: readonly DeferredOperation[],
  now_ms: number,
): Promise<D1PreparedStatement[]> {
  const ended = operations.map(async (operation) =>
    endStatements(stores.db, operation, await answerOf(stores.packs, operation), { superseded: 1 }, now_ms),
  );
  return (await Promise.all(ended)).flat();
}

function answerOf(packs: R2Bucket, { owner }: DeferredOperation): Promise<DeferredAnswer | null> {
  return owner === null ? Promise.resolve(null) : findAnswer(packs, owner);
}

/** What is written when an operation is over: its job, and the answer that repetitions of its request get. */
function endStatements(
  db: D1Database,
  { job_id, tenant, received_at_ms, write }: DeferredOperation,
  answer: DeferredAnswer | null,
  outcome: Partial<PartOutcome>,
  now_ms: number,
): D1PreparedStatement[] {
  const document_count = write.type === "feedback" ? 0 : 1;
  const job = { id: job_id, tenant, document_count, created_at_ms: received_at_ms };
  return [
    ...finishedJobStatements(db, job, { ...NO_OUTCOME, ...outcome }, now_ms),
    ...(answer === null ? [] : [lateAnswerStatement(db, answer)]),
  ];
}

async function perform(work: Work, operation: DeferredOperation): Promise<void> {
  const { env, stores, now_ms } = work;
  const { job_id, tenant, received_at_ms, write } = operation;
  const { db } = stores;
  const answer = await answerOf(stores.packs, operation);
  const ended = (outcome: Partial<PartOutcome>) => endStatements(db, operation, answer, outcome, now_ms);
  const refused = (id: string, detail: string) => db.batch(ended({ failed: 1, errors: [{ id, detail }] }));

  switch (write.type) {
    case "batch": {
      const { document_count, part_count } = write;
      const job = { id: job_id, tenant, document_count, part_count, created_at_ms: received_at_ms };
      await db.batch([...jobStatements(db, job), ...(answer === null ? [] : [lateAnswerStatement(db, answer)])]);
      const messages = Array.from({ length: part_count }, (_, part) => ({ type: "ingest" as const, job_id, part }));
      // A lost message only delays: cron finds the part.
      await work.enqueue(messages).catch(() => {});
      return;
    }
    case "feedback":
      await db.batch([feedbackStatement(db, write.feedback), ...ended({})]);
      return;
    case "delete": {
      const document = await readDocument(db, tenant, write.id);
      if (document === null) return void (await refused(write.id, "there was no such document to delete"));
      if (document.updated_at_ms > received_at_ms) return void (await db.batch(ended({ superseded: 1 })));
      const failed = write.precondition && failedHeader(write.precondition, document);
      if (failed) return void (await refused(write.id, `not deleted: ${failed} does not hold`));
      const { outbox_id } = await deleteDocument(db, tenant, document, now_ms, ended({}));
      return outbox_id === null ? undefined : settleNow(work, outbox_id);
    }
    case "put": {
      const { document, precondition } = write;
      const outcome = ([result]: readonly DocumentResult[]) => ended(result ? { [result.status]: 1 } : {});
      const options = { embedding_model: embeddingModel(env), now_ms, received_at_ms, alongside: outcome };
      try {
        const { pending_outbox_id } = await ingest(stores, tenant, [document], {
          ...options,
          precondition,
        });
        if (pending_outbox_id !== null) await settleNow(work, pending_outbox_id);
      } catch (error) {
        if (!(error instanceof PreconditionFailed)) throw error;
        await refused(document.id, `not written: ${error.message}`);
      }
    }
  }
}
