/** Writing one document: now, or after what waits for it. */
import type { DocumentInput } from "../ground/document.ts";
import { Problem } from "../ground/problem.ts";
import { type DocumentResult, ingest } from "../rag/ingest/ingest.ts";
import { WriteConflict } from "../store/document-writes.ts";
import type { Work } from "../work.ts";
import { type Claim, type Outcome, writeOrDefer } from "./defer.ts";
import { settleLater } from "./settle-vectors.ts";

export interface WriteInput {
  document: DocumentInput;
  /** Refuse (`version-mismatch`) unless the document is at this version. */
  expected_version?: number | undefined;
  claim?: Claim | undefined;
}

/** `pending`: the vectors follow through the queue. */
export interface DocumentWritten extends DocumentResult {
  vectors: "sent" | "pending";
}

/** Creates or replaces a document. Throws a `version-mismatch` problem when others keep changing it. */
export async function writeDocument(
  work: Work,
  { document, expected_version, claim }: WriteInput,
): Promise<Outcome<DocumentWritten>> {
  const expectation = expected_version === undefined ? {} : { expected_version };
  const now_ms = work.clock_ms();
  const outcome = await writeOrDefer(
    work,
    { write: { type: "put", document, ...expectation }, received_at_ms: now_ms, claim },
    (waiting) =>
      ingest(work.stores, work.caller.tenant, [document], {
        embedding_model: work.env.EMBEDDING_MODEL,
        now_ms,
        past_lifted_fence: waiting.known,
        alongside: () => waiting.ending,
        ...expectation,
      }).catch(refuseConflict),
  );
  if (!("done" in outcome)) return outcome;
  const { documents, pending_outbox_id } = outcome.done;
  if (pending_outbox_id !== null) await settleLater(work, pending_outbox_id);
  const [result] = documents;
  if (!result) throw new Error("ingest returned no result for its one document");
  return { done: { ...result, vectors: pending_outbox_id === null ? "sent" : "pending" } };
}

/** For writes and deletes: somebody else changed the document first. */
export function refuseConflict(error: unknown): never {
  if (!(error instanceof WriteConflict)) throw error;
  throw new Problem("version-mismatch", `Not written: ${error.message}. Read it again and retry.`);
}
