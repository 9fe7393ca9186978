/** Deleting one document: now, or after what waits for it. */
import { type Precondition, requirePrecondition } from "../ground/precondition.ts";
import { WRITE_CONFLICT_RETRIES_MAX } from "../limits.ts";
import { deleteDocument as deleteRows, WriteConflict } from "../store/document-writes.ts";
import { readToDelete } from "../store/documents.ts";
import type { Work } from "../work.ts";
import { type Outcome, type Waiting, writeOrDefer } from "./defer.ts";
import { noSuchDocument } from "./read-documents.ts";
import { settleNow } from "./settle-vectors.ts";
import { refuseConflict } from "./write-document.ts";

interface DeleteInput {
  id: string;
  precondition?: Precondition | undefined;
}

/**
 * Deletes a document, from Vectorize at once or through the queue. Throws `not-found`, `version-mismatch` and
 * `write-contended` problems.
 */
export async function deleteDocument(work: Work, { id, precondition }: DeleteInput): Promise<Outcome<null>> {
  const now_ms = work.clock_ms();
  const outcome = await writeOrDefer(
    work,
    { write: { type: "delete", id, precondition }, received_at_ms: now_ms },
    (waiting) => deleteRead(work, id, precondition, waiting, now_ms).catch(refuseConflict),
  );
  if (!("done" in outcome)) return outcome;
  const { outbox_id } = outcome.done;
  if (outbox_id !== null) await settleNow(work, outbox_id);
  return { done: null };
}

/** Reads and deletes, again when somebody changed the document in between. */
async function deleteRead(
  work: Work,
  id: string,
  precondition: Precondition | undefined,
  waiting: Waiting,
  now_ms: number,
): Promise<{ outbox_id: string | null }> {
  const { db } = work.stores;
  const { tenant } = work.caller;
  for (let attempt = 0; ; attempt += 1) {
    const document = await readToDelete(db, tenant, id, waiting.known);
    const exists = waiting.last === undefined ? document !== null : waiting.last === "put";
    if (!exists) throw noSuchDocument(id);
    if (document === null) {
      await db.batch([...waiting.ending]);
      return { outbox_id: null };
    }
    requirePrecondition(precondition, document);
    try {
      return await deleteRows(db, tenant, document, now_ms, waiting.ending);
    } catch (error) {
      if (attempt >= WRITE_CONFLICT_RETRIES_MAX || !(error instanceof WriteConflict)) throw error;
    }
  }
}
