/**
 * Documents in: normalise, chunk, compare by hash, embed what is new, write, tell Vectorize.
 *
 * The order is what keeps the stores consistent: the pack lies in R2 before D1 points into it, D1's batch is atomic
 * and carries the outbox row, and Vectorize comes last and may fail without harm. When AI is down, text is stored
 * and searchable at once and the embeddings are owed through the same outbox.
 */
import type { DocumentInput, Metadata } from "../../ground/document.ts";
import { type Precondition, requirePrecondition } from "../../ground/precondition.ts";
import { WRITE_CONFLICT_RETRIES_MAX } from "../../limits.ts";
import { commitWrites, type DocumentWrite, type HashedChunk, WriteConflict } from "../../store/document-writes.ts";
import { readForWrite } from "../../store/documents.ts";
import { WriteFenced } from "../../store/fence.ts";
import { embedToPack } from "../../vectors/embed-to-pack.ts";
import type { EmbeddingModel } from "../../vectors/models.ts";
import { settle, type VectorStores } from "../../vectors/settle.ts";
import { chunkHash, documentHash, normaliseText } from "../text/normalise.ts";
import { chunkDocument } from "./chunk.ts";
import { planChunks } from "./plan-write.ts";

export interface DocumentResult {
  id: string;
  /** `superseded`: nothing was changed, because the document was written after this write had been received. */
  status: "created" | "updated" | "unchanged" | "superseded";
  version: number;
  content_hash: string;
  created_at_ms: number;
  chunks: number;
}

interface IngestResult {
  documents: DocumentResult[];
  /** Set while Vectorize (or the embedding) is still owed; a queue message should settle it. */
  pending_outbox_id: string | null;
  cost: { rows_written: number; embedded_texts: number };
}

interface IngestOptions {
  embedding_model: EmbeddingModel;
  now_ms: number;
  /** For a single document. */
  precondition?: Precondition | undefined;
  /**
   * When the write was received, for one that waited: it takes its place in time, so a document that was written later is
   * left alone. Such a write goes ahead beside a lifted fence, because it is one of those that the fence waits for.
   */
  received_at_ms?: number;
  /** The caller knows that no deferred write of these documents waits, so a lifted fence does not stop it. */
  past_lifted_fence?: boolean;
  /** Statements committed together with the write, made from its results. */
  alongside?: (documents: readonly DocumentResult[]) => D1PreparedStatement[];
}

/**
 * Writes documents of one tenant. Ids are unique within `inputs`.
 * @throws WriteConflict when others keep changing the same documents.
 * @throws PreconditionFailed when `precondition` does not hold.
 * @throws an error of `isFenced` while a fence stops the write; nothing is written then.
 */
export async function ingest(
  stores: VectorStores,
  tenant: string,
  inputs: readonly DocumentInput[],
  options: IngestOptions,
): Promise<IngestResult> {
  const prepared = await Promise.all(inputs.map(prepare));
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await write(stores, tenant, prepared, options);
    } catch (error) {
      if (attempt >= WRITE_CONFLICT_RETRIES_MAX || !(error instanceof WriteConflict)) throw error;
    }
  }
}

interface Prepared extends DocumentInput {
  content_hash: string;
  chunks: HashedChunk[];
}

async function prepare(input: DocumentInput): Promise<Prepared> {
  const title = normaliseText(input.title);
  const chunks = chunkDocument({ ...input, title });
  const hashed = chunks.map(async (chunk) => ({
    ...chunk,
    content_hash: await chunkHash({ title, ...chunk }),
  }));
  return { ...input, title, content_hash: await documentHash(input), chunks: await Promise.all(hashed) };
}

async function write(
  stores: VectorStores,
  tenant: string,
  prepared: readonly Prepared[],
  options: IngestOptions,
): Promise<IngestResult> {
  const { fence, stored } = await readForWrite(
    stores.db,
    tenant,
    prepared.map(({ id }) => id),
  );
  const inTurn = options.received_at_ms !== undefined || options.past_lifted_fence === true;
  if (fence === "up" || (fence === "lifted" && !inTurn)) throw new WriteFenced(fence);
  const written_at_ms = options.received_at_ms ?? options.now_ms;
  const writes: DocumentWrite[] = [];
  const documents = prepared.map((input): DocumentResult => {
    const before = stored.get(input.id);
    const version = before?.document.version ?? 0;
    const created_at_ms = before?.document.created_at_ms ?? written_at_ms;
    if (before && options.received_at_ms !== undefined && before.document.updated_at_ms > options.received_at_ms) {
      const { content_hash } = before.document;
      return { id: input.id, status: "superseded", version, content_hash, created_at_ms, chunks: before.chunks.length };
    }
    requirePrecondition(options.precondition, before?.document ?? null);
    const { content_hash } = input;
    if (before?.document.content_hash === content_hash) {
      return { id: input.id, status: "unchanged", version, content_hash, created_at_ms, chunks: before.chunks.length };
    }
    writes.push({
      existing: before?.document,
      external_id: input.id,
      title: input.title,
      url: input.url,
      format: input.format,
      metadata: input.metadata,
      content_hash,
      token_count: input.chunks.reduce((sum, chunk) => sum + chunk.token_count, 0),
      chunks: planChunks(
        input.chunks,
        before?.chunks ?? [],
        (before?.document.format === "code") === (input.format === "code"),
      ),
      metadata_changed:
        before !== undefined && JSON.stringify(before.document.metadata) !== JSON.stringify(input.metadata),
    });
    return {
      id: input.id,
      status: before ? "updated" : "created",
      version: version + 1,
      content_hash,
      created_at_ms,
      chunks: input.chunks.length,
    };
  });
  const cost = { rows_written: 0, embedded_texts: 0 };
  const alongside = options.alongside?.(documents) ?? [];
  if (writes.length === 0) {
    if (alongside.length > 0) await stores.db.batch(alongside);
    return { documents, pending_outbox_id: null, cost };
  }

  const fresh = writes.flatMap(({ title, chunks }) => chunks.fresh.map((chunk) => ({ ...chunk, title })));
  // A failure here is an outage of AI or R2, not of the write: the outbox owes the vectors.
  const embedded = await embedToPack(stores, options.embedding_model, fresh).catch(() => "owed" as const);
  const pack = embedded === "owed" || embedded === null ? null : embedded.pack;
  const committed = await commitWrites(stores.db, tenant, writes, pack, {
    now_ms: options.now_ms,
    written_at_ms,
    alongside,
  });
  cost.rows_written = committed.rows_written;
  cost.embedded_texts = pack?.vector_count ?? 0;
  if (committed.outbox_id === null) return { documents, pending_outbox_id: null, cost };

  const onlyFresh = committed.upsert_ids.length === committed.fresh_ids.length;
  if (embedded === "owed" || !onlyFresh) return { documents, pending_outbox_id: committed.outbox_id, cost };
  const metadata = writes.flatMap((entry) => entry.chunks.fresh.map(() => entry.metadata));
  const upserts = committed.fresh_ids.map((id, index) => ({
    id,
    values: embedded?.vectors[index] as Float32Array,
    metadata: metadata[index] as Metadata,
  }));
  try {
    await settle(stores, committed.outbox_id, tenant, upserts, committed.delete_ids);
    cost.rows_written += 1;
  } catch {
    return { documents, pending_outbox_id: committed.outbox_id, cost };
  }
  return { documents, pending_outbox_id: null, cost };
}
