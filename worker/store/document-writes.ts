/**
 * Writing documents and their chunks: one atomic batch a write. Bulk rows travel as one JSON parameter, which is
 * several times faster than bound parameters and is not held to D1's limit of 100.
 */

import { tenantTerm } from "../ground/tenant-term.ts";
import { BULK_JSON_CHARS_MAX } from "../limits.ts";
import { codeIndexWords } from "../rag/text/identifiers.ts";
import { indexWords } from "../rag/text/index-words.ts";
import type { PackReference } from "../vectors/embed-to-pack.ts";
import { insertPack } from "../vectors/packs.ts";
import type { DocumentRow } from "./documents.ts";

export interface HashedChunk {
  heading: string;
  text: string;
  /** As it stands in the document, where that differs from what is searched. */
  original: string | null;
  content_hash: string;
  token_count: number;
}

/** What a write changes in a document's chunks. */
export interface ChunkPlan {
  /** In document order: the id of a kept chunk, or the index into `fresh`. */
  order: ({ kept: number } | { fresh: number })[];
  fresh: HashedChunk[];
  stale_ids: number[];
  kept_ids: number[];
}

/** One document to write: what it becomes, and what that changes in its chunks. */
export interface DocumentWrite
  extends Pick<DocumentRow, "external_id" | "title" | "url" | "format" | "metadata" | "content_hash" | "token_count"> {
  /** Undefined for a new document. */
  existing: DocumentRow | undefined;
  chunks: ChunkPlan;
  /** Kept chunks' vectors must be sent again because the metadata that they carry changed. */
  metadata_changed: boolean;
}

/** Someone else changed a document between our reading and writing it; read again and retry. */
export class WriteConflict extends Error {
  override name = "WriteConflict";
}

interface CommittedWrite {
  /** Row in `vector_outbox` that stays until Vectorize accepted the change; null when no vector changes. */
  outbox_id: string | null;
  /** Ids of all fresh chunks, in order. */
  fresh_ids: number[];
  upsert_ids: number[];
  delete_ids: number[];
  rows_written: number;
}

interface CommitOptions {
  now_ms: number;
  /** What the documents carry as their time: earlier than now for a write that waited. */
  written_at_ms: number;
  /** More statements of the same batch. */
  alongside: readonly D1PreparedStatement[];
}

/**
 * Writes documents, chunks, the pack's row, the outbox and the tenant's index version in one atomic batch.
 *
 * `pack` holds the vectors of the writes' fresh chunks, in their order; null when the embeddings are still owed, which the
 * outbox remembers.
 * Throws `WriteConflict` when a document changed since it was read; nothing is written then.
 */
export async function commitWrites(
  db: D1Database,
  tenant: string,
  writes: readonly DocumentWrite[],
  pack: PackReference | null,
  { now_ms, written_at_ms, alongside }: CommitOptions,
): Promise<CommittedWrite> {
  const fresh = writes.flatMap(({ chunks }) => chunks.fresh);
  const created = writes.filter(({ existing }) => existing === undefined);
  const ids = await reserveIds(db, { documents: created.length, chunks: fresh.length });

  const fresh_ids = fresh.map((_, index) => ids.chunks + index);
  let nextFresh = 0;
  let nextDocument = ids.documents;
  const documents = writes.map((write) => {
    const own = write.chunks.fresh.map(() => fresh_ids[nextFresh++] as number);
    return {
      id: write.existing?.id ?? nextDocument++,
      write,
      own_fresh_ids: own,
      chunk_ids: write.chunks.order.map((entry) => ("kept" in entry ? entry.kept : (own[entry.fresh] as number))),
    };
  });
  const document = (entry: (typeof documents)[number]) => ({
    id: entry.id,
    external_id: entry.write.external_id,
    title: entry.write.title,
    url: entry.write.url,
    format: entry.write.format,
    metadata: JSON.stringify(entry.write.metadata),
    content_hash: entry.write.content_hash,
    token_count: entry.write.token_count,
    chunk_ids: JSON.stringify(entry.chunk_ids),
    version: (entry.write.existing?.version ?? 0) + 1,
  });
  const inserts = documents.filter(({ write }) => write.existing === undefined).map(document);
  const updates = documents.filter(({ write }) => write.existing !== undefined).map(document);
  const delete_ids = writes.flatMap(({ chunks }) => chunks.stale_ids);
  const upsert_ids = [
    ...fresh_ids,
    ...writes.flatMap(({ metadata_changed, chunks }) => (metadata_changed ? chunks.kept_ids : [])),
  ];
  const outbox_id = upsert_ids.length + delete_ids.length > 0 ? crypto.randomUUID() : null;
  const chunkRows = documents.flatMap(({ id, write, own_fresh_ids }) =>
    write.chunks.fresh.map((chunk, index) => chunkRow(chunk, own_fresh_ids[index] as number, id, write)),
  );

  const statements: D1PreparedStatement[] = [];
  if (inserts.length > 0) {
    statements.push(
      db
        .prepare(
          `INSERT INTO documents (id, tenant, external_id, title, url, format, metadata, content_hash, chunk_ids,
             token_count, version, created_at_ms, updated_at_ms)
           SELECT value ->> 'id', ?2, value ->> 'external_id', value ->> 'title', value ->> 'url', value ->> 'format',
             value ->> 'metadata', value ->> 'content_hash', value ->> 'chunk_ids', value ->> 'token_count', 1, ?3, ?3
           FROM json_each(?1)`,
        )
        .bind(JSON.stringify(inserts), tenant, written_at_ms),
    );
  }
  if (updates.length > 0) {
    statements.push(
      db
        .prepare(
          `UPDATE documents SET title = new.value ->> 'title', url = new.value ->> 'url',
             format = new.value ->> 'format', metadata = new.value ->> 'metadata',
             content_hash = new.value ->> 'content_hash', chunk_ids = new.value ->> 'chunk_ids',
             token_count = new.value ->> 'token_count', version = new.value ->> 'version', updated_at_ms = ?2
           FROM json_each(?1) AS new WHERE documents.id = new.value ->> 'id'`,
        )
        .bind(JSON.stringify(updates), written_at_ms),
    );
  }
  if (pack) statements.push(insertPack(db, pack, now_ms));
  for (const [first, slice] of slices(chunkRows)) {
    statements.push(
      db
        .prepare(
          `INSERT INTO chunks (id, document_id, tenant_term, title, heading, text, original, content_hash, token_count, words, pack_id, pack_slot)
           SELECT value ->> 'id', value ->> 'document_id', ?2, value ->> 'title', value ->> 'heading', value ->> 'text',
             value ->> 'original', value ->> 'content_hash', value ->> 'token_count', value ->> 'words',
             (SELECT id FROM packs WHERE object_key = ?3), iif(?3 IS NULL, NULL, ?4 + key)
           FROM json_each(?1)`,
        )
        .bind(JSON.stringify(slice), tenantTerm(tenant), pack?.object_key ?? null, first),
    );
  }
  if (delete_ids.length > 0) statements.push(deleteChunks(db, delete_ids));
  statements.push(bumpIndexVersion(db, tenant, now_ms));
  if (outbox_id) statements.push(insertOutbox(db, outbox_id, tenant, upsert_ids, delete_ids, now_ms));

  statements.push(...alongside);

  const results = await runGuarded(db, statements);
  return {
    outbox_id,
    fresh_ids,
    upsert_ids,
    delete_ids,
    rows_written: results.reduce((sum, { meta }) => sum + meta.rows_written, 0) + 1,
  };
}

/** Removes a document and its chunks in one atomic batch. Throws `WriteConflict` like a write. */
export async function deleteDocument(
  db: D1Database,
  tenant: string,
  document: DocumentRow,
  now_ms: number,
  alongside: readonly D1PreparedStatement[] = [],
): Promise<{ outbox_id: string | null }> {
  const outbox_id = document.chunk_ids.length > 0 ? crypto.randomUUID() : null;
  await runGuarded(db, [
    // Aborts the batch when the version moved on; a chunk added meanwhile would be orphaned otherwise.
    db.prepare("UPDATE documents SET version = ?2 WHERE id = ?1").bind(document.id, document.version + 1),
    deleteChunks(db, document.chunk_ids),
    db.prepare("DELETE FROM documents WHERE id = ?1").bind(document.id),
    bumpIndexVersion(db, tenant, now_ms),
    ...(outbox_id ? [insertOutbox(db, outbox_id, tenant, [], document.chunk_ids, now_ms)] : []),
    ...alongside,
  ]);
  return { outbox_id };
}

function chunkRow(
  chunk: HashedChunk,
  id: number,
  document_id: number,
  { title, format }: Pick<DocumentWrite, "title" | "format">,
) {
  const { heading, text, original, content_hash, token_count } = chunk;
  const words = (format === "code" ? codeIndexWords : indexWords)(title, heading, text);
  return { id, document_id, title, heading, text, original, content_hash, token_count, words };
}

/** Slices of rows whose JSON stays below D1's 2 MB a parameter, each with the index of its first row. */
function* slices<T>(rows: readonly T[]): Generator<[number, T[]]> {
  let slice: T[] = [];
  let first = 0;
  let chars = 0;
  for (const [index, row] of rows.entries()) {
    const length = JSON.stringify(row).length;
    if (slice.length > 0 && chars + length > BULK_JSON_CHARS_MAX) {
      yield [first, slice];
      slice = [];
      first = index;
      chars = 0;
    }
    slice.push(row);
    chars += length;
  }
  if (slice.length > 0) yield [first, slice];
}

function deleteChunks(db: D1Database, ids: readonly number[]): D1PreparedStatement {
  return db.prepare("DELETE FROM chunks WHERE id IN (SELECT value FROM json_each(?1))").bind(JSON.stringify(ids));
}

function bumpIndexVersion(db: D1Database, tenant: string, now_ms: number): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO tenants (tenant, index_version, changed_at_ms) VALUES (?1, 1, ?2)
       ON CONFLICT (tenant) DO UPDATE SET index_version = index_version + 1, changed_at_ms = ?2`,
    )
    .bind(tenant, now_ms);
}

function insertOutbox(
  db: D1Database,
  id: string,
  tenant: string,
  upsert_ids: readonly number[],
  delete_ids: readonly number[],
  now_ms: number,
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO vector_outbox (id, tenant, upsert_chunk_ids, delete_chunk_ids, created_at_ms) VALUES (?, ?, ?, ?, ?)`,
    )
    .bind(id, tenant, JSON.stringify(upsert_ids), JSON.stringify(delete_ids), now_ms);
}

/** First free ids of both sequences, reserved in one statement; ids of an aborted write are never used again. */
async function reserveIds(
  db: D1Database,
  counts: { documents: number; chunks: number },
): Promise<{ documents: number; chunks: number }> {
  if (counts.documents + counts.chunks === 0) return { documents: 0, chunks: 0 };
  const { results } = await db
    .prepare(
      `UPDATE sequences SET next = next + iif(name = 'documents', ?1, ?2) WHERE name IN ('documents', 'chunks')
       RETURNING name, next`,
    )
    .bind(counts.documents, counts.chunks)
    .all<{ name: "documents" | "chunks"; next: number }>();
  const next = Object.fromEntries(results.map((row) => [row.name, row.next]));
  return { documents: (next.documents ?? 0) - counts.documents, chunks: (next.chunks ?? 0) - counts.chunks };
}

async function runGuarded(db: D1Database, statements: D1PreparedStatement[]): Promise<D1Result[]> {
  try {
    return await db.batch(statements);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (/document version conflict|UNIQUE constraint failed: documents|FOREIGN KEY constraint failed/.test(message)) {
      throw new WriteConflict("the document changed while it was being written", { cause: error });
    }
    throw error;
  }
}
