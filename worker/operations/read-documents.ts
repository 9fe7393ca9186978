/** Documents as they are: one, or a page of them. */
import type { z } from "zod";
import { Problem } from "../ground/problem.ts";
import type { documentSummary, listQuery } from "../schemas/documents.ts";
import { type DocumentRow, listDocuments, readDocument, readDocumentChunks } from "../store/documents.ts";
import type { Work } from "../work.ts";

/** A page of the tenant's documents in the order of their ids. */
export async function pageOfDocuments(work: Work, { cursor, limit, collection }: z.infer<typeof listQuery>) {
  const rows = await listDocuments(work.stores.db, work.caller.tenant, {
    after: cursor ?? null,
    limit: limit + 1,
    collection: collection ?? null,
  });
  const page = rows.slice(0, limit);
  const next_cursor = rows.length > limit ? (page.at(-1)?.external_id ?? null) : null;
  return { documents: page.map(summary), next_cursor };
}

/** A document without its text. Throws a `not-found` problem. */
export async function findDocument(work: Work, id: string): Promise<DocumentRow> {
  const document = await readDocument(work.stores.db, work.caller.tenant, id);
  if (!document) throw noSuchDocument(id);
  return document;
}

/** A document that was found, with its text and chunks. */
export async function wholeDocument(work: Work, document: DocumentRow) {
  const chunks = await readDocumentChunks(work.stores.db, document);
  return {
    ...summary(document),
    text: chunks.map(({ original }) => original).join(""),
    chunks: chunks.map(({ id, heading, text, token_count }) => ({ chunk_id: id, heading, text, tokens: token_count })),
  };
}

export function noSuchDocument(id: string): Problem {
  return new Problem("not-found", `There is no document "${id}".`);
}

function summary(row: DocumentRow): z.infer<typeof documentSummary> {
  return {
    id: row.external_id,
    title: row.title,
    url: row.url,
    format: row.format,
    metadata: row.metadata,
    content_hash: row.content_hash,
    chunks: row.chunk_ids.length,
    tokens: row.token_count,
    version: row.version,
    created_at: new Date(row.created_at_ms).toISOString(),
    updated_at: new Date(row.updated_at_ms).toISOString(),
  };
}
