/** Documents one by one: writing, reading, listing, deleting. Batches are `batches.ts`. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { z } from "zod";
import type { App } from "../context.ts";
import { Problem } from "../ground/problem.ts";
import { documentInput, type RequestedDocument } from "../rag/ingest/document-input.ts";
import { ingest } from "../rag/ingest/ingest.ts";
import {
  documentBody,
  documentPage,
  documentParams,
  type documentSummary,
  documentView,
  jobAccepted,
  listQuery,
  newDocument,
  writeResult,
} from "../schemas/documents.ts";
import { declareRoute } from "../security/access.ts";
import { refuseInvalid } from "../security/validation.ts";
import { deleteDocument, WriteConflict } from "../store/document-writes.ts";
import { type DocumentRow, listDocuments, readDocument, readDocumentChunks, readToDelete } from "../store/documents.ts";
import type { QueueMessage } from "../store/queue-messages.ts";
import { settleFromStores } from "../vectors/settle.ts";
import { writeOrDefer } from "./deferral.ts";
import { json } from "./json-answer.ts";
import { requestStores } from "./request-stores.ts";

const jsonRequest = <T>(schema: T) => ({ required: true, content: { "application/json": { schema } } });
const problem = (description: string) => ({ description });
const DEFERRED = json(jobAccepted, "A store is being replaced: accepted, and done in a moment; the job tells when");

export const documents = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const create = declareRoute(
  "write",
  {
    method: "post",
    path: "/api/v1/documents",
    tags: ["Documents"],
    summary: "Write a document",
    description: "Creates the document, or replaces the one with the same id. Unchanged content changes nothing.",
    request: { body: jsonRequest(newDocument) },
    responses: {
      201: json(writeResult, "Created"),
      200: json(writeResult, "Replaced, or unchanged"),
      202: DEFERRED,
      412: problem("Others kept changing the document meanwhile"),
    },
  },
  { idempotent: true, deferrable: true },
);
documents.openapi(create, async (c) => {
  const body = c.req.valid("json");
  return writeOne(c, { ...body, id: body.id ?? crypto.randomUUID() });
});

const put = declareRoute("write", {
  method: "put",
  path: "/api/v1/documents/{id}",
  tags: ["Documents"],
  summary: "Create or replace a document",
  description: "`If-Match` with the document's ETag makes the write conditional.",
  request: { params: documentParams, body: jsonRequest(documentBody) },
  responses: {
    201: json(writeResult, "Created"),
    200: json(writeResult, "Replaced, or unchanged"),
    202: DEFERRED,
    412: problem("The document is at another version"),
  },
});
documents.openapi(put, (c) => writeOne(c, { ...c.req.valid("json"), id: c.req.valid("param").id }, expectedVersion(c)));

const list = declareRoute("read", {
  method: "get",
  path: "/api/v1/documents",
  tags: ["Documents"],
  summary: "List documents",
  description: "In the order of their ids; `next_cursor` continues.",
  request: { query: listQuery },
  responses: { 200: json(documentPage, "A page of documents") },
});
documents.openapi(list, async (c) => {
  const { cursor, limit, collection } = c.req.valid("query");
  const rows = await listDocuments(requestStores(c).db, c.get("principal").tenant, {
    after: cursor ?? null,
    limit: limit + 1,
    collection: collection ?? null,
  });
  const page = rows.slice(0, limit);
  const next_cursor = rows.length > limit ? (page.at(-1)?.external_id ?? null) : null;
  return c.json({ documents: page.map(summary), next_cursor }, 200);
});

const read = declareRoute("read", {
  method: "get",
  path: "/api/v1/documents/{id}",
  tags: ["Documents"],
  summary: "Read a document with its chunks",
  request: { params: documentParams },
  responses: { 200: json(documentView, "The document"), 304: problem("Unchanged"), 404: problem("No such document") },
});
documents.openapi(read, async (c) => {
  const stores = requestStores(c);
  const document = await existing(c, stores.db, c.req.valid("param").id);
  const headers = etag(document.version);
  if (c.req.header("if-none-match") === headers.etag) return c.body(null, 304, headers);
  const chunks = await readDocumentChunks(stores.db, document);
  return c.json(
    {
      ...summary(document),
      text: chunks.map(({ text }) => text).join(""),
      chunks: chunks.map(({ id, heading, text, token_count }) => ({
        chunk_id: id,
        heading,
        text,
        tokens: token_count,
      })),
    },
    200,
    headers,
  );
});

const remove = declareRoute("write", {
  method: "delete",
  path: "/api/v1/documents/{id}",
  tags: ["Documents"],
  summary: "Delete a document",
  description: "Gone from search, full text and vectors at once; from vector packs and backups when those are renewed.",
  request: { params: documentParams },
  responses: {
    204: { description: "Deleted" },
    202: DEFERRED,
    404: problem("No such document"),
    412: problem("The document is at another version"),
  },
});
documents.openapi(remove, async (c) => {
  const stores = requestStores(c);
  const { id } = c.req.valid("param");
  const { tenant } = c.get("principal");
  const expected_version = expectedVersion(c);
  const now_ms = Date.now();
  const outcome = await writeOrDefer(
    c,
    { type: "delete", id, ...(expected_version === undefined ? {} : { expected_version }) },
    now_ms,
    async ({ past_lifted_fence, alongside, promised }) => {
      const document = await readToDelete(stores.db, tenant, id, past_lifted_fence);
      if (promised === undefined ? document === null : promised === "delete") throw noSuchDocument(id);
      if (document === null) {
        await stores.db.batch([...alongside]);
        return { outbox_id: null };
      }
      if (expected_version !== undefined && expected_version !== document.version) {
        throw versionMismatch(document.version);
      }
      return onConflict(() => deleteDocument(stores.db, tenant, document, now_ms, alongside));
    },
  );
  if ("response" in outcome) return outcome.response;
  const { outbox_id } = outcome.done;
  if (outbox_id) {
    await settleFromStores(stores, c.env.EMBEDDING_MODEL, outbox_id, Date.now()).catch(() => settleLater(c, outbox_id));
  }
  return c.body(null, 204);
});

async function writeOne(c: Context<App>, body: RequestedDocument, expected_version?: number): Promise<Response> {
  const stores = requestStores(c);
  const document = documentInput(body);
  const expectation = expected_version === undefined ? {} : { expected_version };
  const now_ms = Date.now();
  const outcome = await writeOrDefer(c, { type: "put", document, ...expectation }, now_ms, (passage) =>
    onConflict(() =>
      ingest(stores, c.get("principal").tenant, [document], {
        embedding_model: c.env.EMBEDDING_MODEL,
        now_ms,
        past_lifted_fence: passage.past_lifted_fence,
        alongside: () => [...passage.alongside],
        ...expectation,
      }),
    ),
  );
  if ("response" in outcome) return outcome.response;
  const { documents, pending_outbox_id } = outcome.done;
  if (pending_outbox_id) await settleLater(c, pending_outbox_id);
  const [result] = documents;
  if (!result) throw new Error("ingest returned no result for its one document");
  const vectors = pending_outbox_id ? "pending" : "sent";
  return c.json({ ...result, vectors }, result.status === "created" ? 201 : 200, etag(result.version));
}

async function settleLater(c: Context<App>, outbox_id: string): Promise<void> {
  const message: QueueMessage = { type: "settle", outbox_id };
  // A lost message only delays: cron finds the outbox row.
  await c.env.INGEST_QUEUE.send(message).catch(() => {});
}

async function existing(c: Context<App>, db: D1Database, id: string): Promise<DocumentRow> {
  const document = await readDocument(db, c.get("principal").tenant, id);
  if (!document) throw noSuchDocument(id);
  return document;
}

function noSuchDocument(id: string): Problem {
  return new Problem("not-found", `There is no document "${id}".`);
}

function expectedVersion(c: Context<App>): number | undefined {
  const header = c.req.header("if-match");
  if (header === undefined || header === "*") return undefined;
  const version = /^"(\d{1,15})"$/.exec(header)?.[1];
  if (version === undefined) throw new Problem("invalid-request", '`If-Match` takes one ETag like "3", or *.');
  return Number(version);
}

async function onConflict<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof WriteConflict) {
      throw new Problem("version-mismatch", `Not written: ${error.message}. Read it again and retry.`);
    }
    throw error;
  }
}

function versionMismatch(version: number): Problem {
  return new Problem("version-mismatch", `Not deleted: the document is at version ${version}.`);
}

function etag(version: number): { etag: string } {
  return { etag: `"${version}"` };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
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
    created_at: iso(row.created_at_ms),
    updated_at: iso(row.updated_at_ms),
  };
}
