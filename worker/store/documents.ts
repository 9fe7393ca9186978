/** Documents and chunks as D1 holds them: rows and reads. `document-writes.ts` changes them. */
import type { DocumentFormat, Metadata } from "../ground/document.ts";
import { type Fence, fenceOf, fenceStatement, WriteFenced } from "./fence.ts";

export interface DocumentRow {
  id: number;
  external_id: string;
  title: string;
  url: string | null;
  format: DocumentFormat;
  metadata: Metadata;
  content_hash: string;
  chunk_ids: number[];
  token_count: number;
  version: number;
  created_at_ms: number;
  updated_at_ms: number;
}

const DOCUMENT_COLUMNS =
  "id, external_id, title, url, format, metadata, content_hash, chunk_ids, token_count, version, created_at_ms, updated_at_ms";

type RawDocument = Omit<DocumentRow, "metadata" | "chunk_ids"> & { metadata: string; chunk_ids: string };

function documentRow(raw: RawDocument): DocumentRow {
  return {
    ...raw,
    metadata: JSON.parse(raw.metadata) as Metadata,
    chunk_ids: JSON.parse(raw.chunk_ids) as number[],
  };
}

export interface StoredChunk {
  id: number;
  content_hash: string;
}

/** A tenant's documents by their external ids, with the hashes of their chunks, and the fence of the same moment. */
export async function readForWrite(
  db: D1Database,
  tenant: string,
  external_ids: readonly string[],
): Promise<{ fence: Fence; stored: Map<string, { document: DocumentRow; chunks: StoredChunk[] }> }> {
  const ids = JSON.stringify(external_ids);
  const [documents, chunks, fence] = await db.batch<Record<string, unknown>>([
    db
      .prepare(
        `SELECT ${DOCUMENT_COLUMNS} FROM documents WHERE tenant = ?1 AND external_id IN (SELECT value FROM json_each(?2))`,
      )
      .bind(tenant, ids),
    db
      .prepare(
        `SELECT c.id, c.document_id, c.content_hash FROM documents d JOIN chunks c ON c.document_id = d.id
         WHERE d.tenant = ?1 AND d.external_id IN (SELECT value FROM json_each(?2)) ORDER BY c.id`,
      )
      .bind(tenant, ids),
    fenceStatement(db),
  ]);
  const byDocument = Map.groupBy(
    (chunks?.results ?? []) as unknown as (StoredChunk & { document_id: number })[],
    (chunk) => chunk.document_id,
  );
  const stored = new Map(
    ((documents?.results ?? []) as unknown as RawDocument[]).map((raw) => [
      raw.external_id,
      { document: documentRow(raw), chunks: byDocument.get(raw.id) ?? [] },
    ]),
  );
  return { fence: fenceOf(fence?.results), stored };
}

export async function readDocument(db: D1Database, tenant: string, external_id: string): Promise<DocumentRow | null> {
  const raw = await db
    .prepare(`SELECT ${DOCUMENT_COLUMNS} FROM documents WHERE tenant = ?1 AND external_id = ?2`)
    .bind(tenant, external_id)
    .first<RawDocument>();
  return raw ? documentRow(raw) : null;
}

/**
 * As `readDocument`, for a delete.
 * @throws WriteFenced where the delete must wait; `past_lifted_fence` when no deferred write of the document waits.
 */
export async function readToDelete(
  db: D1Database,
  tenant: string,
  external_id: string,
  past_lifted_fence: boolean,
): Promise<DocumentRow | null> {
  const { fence, stored } = await readForWrite(db, tenant, [external_id]);
  if (fence === "up" || (fence === "lifted" && !past_lifted_fence)) throw new WriteFenced(fence);
  return stored.get(external_id)?.document ?? null;
}

interface ChunkView {
  id: number;
  heading: string;
  text: string;
  /** As it stands in the document. */
  original: string;
  token_count: number;
}

/** A document's chunks in reading order; joined, their originals are the document. */
export async function readDocumentChunks(db: D1Database, document: DocumentRow): Promise<ChunkView[]> {
  const { results } = await db
    .prepare(
      "SELECT id, heading, text, coalesce(original, text) AS original, token_count FROM chunks WHERE document_id = ?1",
    )
    .bind(document.id)
    .all<ChunkView>();
  const byId = new Map(results.map((chunk) => [chunk.id, chunk]));
  return document.chunk_ids.flatMap((id) => byId.get(id) ?? []);
}

/** A page of a tenant's documents in the order of their external ids (keyset: `after` is the last id seen). */
export async function listDocuments(
  db: D1Database,
  tenant: string,
  page: { after: string | null; limit: number; collection: string | null },
): Promise<DocumentRow[]> {
  const { results } = await db
    .prepare(
      `SELECT ${DOCUMENT_COLUMNS} FROM documents WHERE tenant = ?1 AND external_id > ?2
       AND (?3 IS NULL OR metadata ->> 'collection' = ?3) ORDER BY external_id LIMIT ?4`,
    )
    .bind(tenant, page.after ?? "", page.collection, page.limit)
    .all<RawDocument>();
  return results.map(documentRow);
}
