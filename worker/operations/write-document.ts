/** Writing one document: now, or after what waits for it. */
import type { DocumentInput } from "../ground/document.ts";
import { type Precondition, PreconditionFailed } from "../ground/precondition.ts";
import { Problem } from "../ground/problem.ts";
import { CONTENDED_RETRY_AFTER_S } from "../limits.ts";
import { type DocumentResult, ingest } from "../rag/ingest/ingest.ts";
import { WriteConflict } from "../store/document-writes.ts";
import { embeddingModel } from "../vectors/models.ts";
import type { Work } from "../work.ts";
import { type Claim, type Outcome, writeOrDefer } from "./defer.ts";
import { settleLater } from "./settle-vectors.ts";

interface WriteInput {
  document: DocumentInput;
  precondition?: Precondition | undefined;
  claim?: Claim | undefined;
}

/** `pending`: the vectors follow through the queue. */
interface DocumentWritten extends DocumentResult {
  vectors: "sent" | "pending";
}

/** Creates or replaces a document. Throws a `version-mismatch` problem, or `write-contended` when others keep changing it. */
export async function writeDocument(
  work: Work,
  { document, precondition, claim }: WriteInput,
): Promise<Outcome<DocumentWritten>> {
  const now_ms = work.clock_ms();
  const outcome = await writeOrDefer(
    work,
    { write: { type: "put", document, precondition }, received_at_ms: now_ms, claim },
    (waiting) =>
      ingest(work.stores, work.caller.tenant, [document], {
        embedding_model: embeddingModel(work.env),
        now_ms,
        past_lifted_fence: waiting.known,
        alongside: () => waiting.ending,
        precondition,
      }).catch(refuseConflict),
  );
  if (!("done" in outcome)) return outcome;
  const { documents, pending_outbox_id } = outcome.done;
  if (pending_outbox_id !== null) await settleLater(work, pending_outbox_id);
  const [result] = documents;
  if (!result) throw new Error("ingest returned no result for its one document");
  return { done: { ...result, vectors: pending_outbox_id === null ? "sent" : "pending" } };
}

/** For writes and deletes: the caller's condition does not hold, or others were faster again and again. */
export function refuseConflict(error: unknown): never {
  if (error instanceof PreconditionFailed)
    throw new Problem("version-mismatch", `Nothing was changed: ${error.message}.`);
  if (!(error instanceof WriteConflict)) throw error;
  const detail = "Nothing was changed: others kept changing the document meanwhile. Send it again.";
  throw new Problem("write-contended", detail, { retry_after_s: CONTENDED_RETRY_AFTER_S, cause: error });
}
