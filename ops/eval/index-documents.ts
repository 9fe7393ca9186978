/** What evaluations begin with: their documents in the index, vectors included. */
import { setTimeout as pause } from "node:timers/promises";
import { EXIT, OpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { EVAL_VECTORS_STALL_MS, JOB_POLL_MS } from "../limits.ts";
import { type DocumentInput, sendDocuments } from "../service/batch.ts";
import { countChunks, type Rig } from "../service/rig.ts";

/**
 * Indexes documents and returns how many chunks they are.
 * @throws OpsError (exit code 4) when a document cannot be indexed, or when vectors stop coming: what is measured without them is
 * another index.
 */
export async function indexDocuments(
  invocation: Invocation,
  rig: Rig,
  documents: readonly DocumentInput[],
): Promise<number> {
  const { progress, signal } = invocation;
  progress.start("documents", documents.length);
  await sendDocuments(rig.client, documents, signal, (done) => progress.update(done));
  progress.stop(`${documents.length} documents indexed`);
  return awaitVectors(invocation, rig);
}

/**
 * Waits until every chunk has its vector, and returns how many chunks there are.
 * @throws OpsError (exit code 4) when vectors stop coming.
 */
export async function awaitVectors({ progress, signal }: Invocation, rig: Rig): Promise<number> {
  const { vectorize } = rig.platform;
  const chunks = await countChunks(rig.client);
  // A write does not wait for an embedding that fails or takes too long: the queue brings it later.
  progress.start("vectors", chunks);
  for (let before = -1, came_ms = performance.now(); ; ) {
    await vectorize.flush();
    const vectors = vectorize.listIndexes().reduce((sum, { name }) => sum + vectorize.info(name).vectorCount, 0);
    progress.update(vectors);
    if (vectors >= chunks) break;
    if (vectors > before) [before, came_ms] = [vectors, performance.now()];
    if (performance.now() - came_ms > EVAL_VECTORS_STALL_MS) throw missingVectors(chunks - vectors, chunks);
    await pause(JOB_POLL_MS, undefined, { signal });
  }
  progress.stop(`${chunks} chunks have their vectors`);
  return chunks;
}

function missingVectors(missing: number, chunks: number): OpsError {
  return new OpsError(
    {
      op: "embed",
      subject: `${missing} of ${chunks} chunks`,
      cause: `no vector has come for ${EVAL_VECTORS_STALL_MS / 1000} s, and the queue has given up by then`,
      hint: "the embedding model fails or is too slow for calls of 100 texts: try a smaller one, or leave the machine to it alone",
    },
    { exit_code: EXIT.partial },
  );
}
