/** Deleting one document: now, or after what waits for it. */

import { Problem } from "../ground/problem.ts";
import { deleteDocument as deleteRows } from "../store/document-writes.ts";
import { readToDelete } from "../store/documents.ts";
import type { Work } from "../work.ts";
import { type Outcome, writeOrDefer } from "./defer.ts";
import { noSuchDocument } from "./read-documents.ts";
import { settleNow } from "./settle-vectors.ts";
import { refuseConflict } from "./write-document.ts";

export interface DeleteInput {
  id: string;
  /** Refuse (`version-mismatch`) unless the document is at this version. */
  expected_version?: number | undefined;
}

/** Deletes a document, from Vectorize at once or through the queue. Throws `not-found` and `version-mismatch` problems. */
export async function deleteDocument(work: Work, { id, expected_version }: DeleteInput): Promise<Outcome<null>> {
  const { db } = work.stores;
  const { tenant } = work.caller;
  const expectation = expected_version === undefined ? {} : { expected_version };
  const now_ms = work.clock_ms();
  const outcome = await writeOrDefer(
    work,
    { write: { type: "delete", id, ...expectation }, received_at_ms: now_ms },
    async (waiting) => {
      const document = await readToDelete(db, tenant, id, waiting.known);
      const exists = waiting.last === undefined ? document !== null : waiting.last === "put";
      if (!exists) throw noSuchDocument(id);
      if (document === null) {
        await db.batch([...waiting.ending]);
        return { outbox_id: null };
      }
      if (expected_version !== undefined && expected_version !== document.version) {
        throw new Problem("version-mismatch", `Not deleted: the document is at version ${document.version}.`);
      }
      return deleteRows(db, tenant, document, now_ms, waiting.ending).catch(refuseConflict);
    },
  );
  if (!("done" in outcome)) return outcome;
  const { outbox_id } = outcome.done;
  if (outbox_id !== null) await settleNow(work, outbox_id);
  return { done: null };
}
