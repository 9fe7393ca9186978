/**
 * Documents in: normalise, chunk, compare by hash, embed what is new, write, tell Vectorize.
 *
 * The order is what keeps the stores consistent: the pack lies in R2 before D1 points into it, D1's batch is atomic
 * and carries the outbox row, and Vectorize comes last and may fail without harm. When AI is down, text is stored
 * and searchable at once and the embeddings are owed through the same outbox.
 */
import { WRITE_CONFLICT_RETRIES_MAX } from "../limits.ts";
import { commitWrites, type DocumentWrite, WriteConflict } from "../store/document-writes.ts";
import { type Metadata, readForWrite } from "../store/documents.ts";
import { embedToPack, settle, type VectorStores } from "../store/vectors.ts";
import { chunkDocument } from "./chunk.ts";
import { documentHash, normaliseText, sha256Hex } from "./normalise.ts";
import { type HashedChunk, planChunks } from "./plan-write.ts";

export interface DocumentInput {
  id: string;
  title: string;
  text: string;
  format: "markdown" | "text";
  url: string | null;
  metadata: Metadata;
}

export interface IngestResult {
  documents: { id: string; status: "created" | "updated" | "unchanged"; version: number; chunks: number }[];
  /** Set while Vectorize (or the embedding) is still owed; a queue message should settle it. */
  pending_outbox_id: string | null;
  cost: { rows_written: number; embedded_texts: number };
}

/**
 * Writes documents of one tenant. Ids are unique within `inputs`. `expected_version` (If-Match) applies to a single
 * document. Throws `WriteConflict` when others keep changing the same documents, or the expectation does not hold.
 */
export async function ingest(
  stores: VectorStores,
  tenant: string,
  inputs: readonly DocumentInput[],
  options: { embedding_model: string; now_ms: number; expected_version?: number },
): Promise<IngestResult> {
  const prepared = await Promise.all(inputs.map(prepare));
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await write(stores, tenant, prepared, options);
    } catch (error) {
      const final = options.expected_version !== undefined || attempt >= WRITE_CONFLICT_RETRIES_MAX;
      if (final || !(error instanceof WriteConflict)) throw error;
    }
  }
}

interface Prepared extends DocumentInput {
  content_hash: string;
  chunks: HashedChunk[];
}

async function prepare(input: DocumentInput): Promise<Prepared> {
  const title = normaliseText(input.title);
  const chunks = chunkDocument({ text: input.text, title, format: input.format });
  const hashed = chunks.map(async (chunk) => ({
    ...chunk,
    content_hash: await sha256Hex(JSON.stringify([title, chunk.heading, chunk.text])),
  }));
  return { ...input, title, content_hash: await documentHash(input), chunks: await Promise.all(hashed) };
}

async function write(
  stores: VectorStores,
  tenant: string,
  prepared: readonly Prepared[],
  options: { embedding_model: string; now_ms: number; expected_version?: number },
): Promise<IngestResult> {
  const stored = await readForWrite(
    stores.db,
    tenant,
    prepared.map(({ id }) => id),
  );
  const writes: DocumentWrite[] = [];
  const documents = prepared.map((input): IngestResult["documents"][number] => {
    const before = stored.get(input.id);
    const version = before?.document.version ?? 0;
    if (options.expected_version !== undefined && options.expected_version !== version) {
      throw new WriteConflict(`the document is at version ${version}, not ${options.expected_version}`);
    }
    if (before?.document.content_hash === input.content_hash) {
      return { id: input.id, status: "unchanged", version, chunks: before.chunks.length };
    }
    writes.push({
      existing: before?.document,
      external_id: input.id,
      title: input.title,
      url: input.url,
      format: input.format,
      metadata: input.metadata,
      content_hash: input.content_hash,
      token_count: input.chunks.reduce((sum, chunk) => sum + chunk.token_count, 0),
      chunks: planChunks(input.chunks, before?.chunks ?? []),
      metadata_changed:
        before !== undefined && JSON.stringify(before.document.metadata) !== JSON.stringify(input.metadata),
    });
    return {
      id: input.id,
      status: before ? "updated" : "created",
      version: version + 1,
      chunks: input.chunks.length,
    };
  });
  const cost = { rows_written: 0, embedded_texts: 0 };
  if (writes.length === 0) return { documents, pending_outbox_id: null, cost };

  const fresh = writes.flatMap(({ title, chunks }) => chunks.fresh.map((chunk) => ({ ...chunk, title })));
  // A failure here is an outage of AI or R2, not of the write: the outbox owes the vectors.
  const embedded = await embedToPack(stores, options.embedding_model, fresh).catch(() => "owed" as const);
  const pack = embedded === "owed" || embedded === null ? null : embedded.pack;
  const committed = await commitWrites(stores.db, tenant, writes, pack, options.now_ms);
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
