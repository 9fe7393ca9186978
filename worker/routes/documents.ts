/** Documents one by one: writing, reading, listing, deleting. Batches are `batches.ts`. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { Problem } from "../ground/problem.ts";
import { deleteDocument } from "../operations/delete-document.ts";
import { findDocument, pageOfDocuments, wholeDocument } from "../operations/read-documents.ts";
import { writeDocument } from "../operations/write-document.ts";
import { documentInput, type RequestedDocument } from "../rag/ingest/document-input.ts";
import {
  documentBody,
  documentPage,
  documentParams,
  documentView,
  jobAccepted,
  listQuery,
  newDocument,
  writeResult,
} from "../schemas/documents.ts";
import { declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";
import { answerDeferred, claimOf } from "./deferred-answer.ts";
import { json } from "./json-answer.ts";

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
documents.openapi(create, (c) => {
  const body = c.req.valid("json");
  return write(c, { ...body, id: body.id ?? crypto.randomUUID() });
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
documents.openapi(put, (c) => write(c, { ...c.req.valid("json"), id: c.req.valid("param").id }, expectedVersion(c)));

const list = declareRoute("read", {
  method: "get",
  path: "/api/v1/documents",
  tags: ["Documents"],
  summary: "List documents",
  description: "In the order of their ids; `next_cursor` continues.",
  request: { query: listQuery },
  responses: { 200: json(documentPage, "A page of documents") },
});
documents.openapi(list, async (c) => c.json(await pageOfDocuments(c.var.work, c.req.valid("query")), 200));

const read = declareRoute("read", {
  method: "get",
  path: "/api/v1/documents/{id}",
  tags: ["Documents"],
  summary: "Read a document with its chunks",
  request: { params: documentParams },
  responses: { 200: json(documentView, "The document"), 304: problem("Unchanged"), 404: problem("No such document") },
});
documents.openapi(read, async (c) => {
  const { work } = c.var;
  const document = await findDocument(work, c.req.valid("param").id);
  const headers = etag(document.version);
  if (c.req.header("if-none-match") === headers.etag) return c.body(null, 304, headers);
  return c.json(await wholeDocument(work, document), 200, headers);
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
  const { id } = c.req.valid("param");
  const outcome = await deleteDocument(c.var.work, { id, expected_version: expectedVersion(c) });
  return "done" in outcome ? c.body(null, 204) : answerDeferred(c, outcome);
});

async function write(c: Context<App>, body: RequestedDocument, expected_version?: number): Promise<Response> {
  const document = documentInput(body);
  const outcome = await writeDocument(c.var.work, { document, expected_version, claim: claimOf(c) });
  if (!("done" in outcome)) return answerDeferred(c, outcome);
  const { status, version } = outcome.done;
  return c.json(outcome.done, status === "created" ? 201 : 200, etag(version));
}

function expectedVersion(c: Context<App>): number | undefined {
  const header = c.req.header("if-match");
  if (header === undefined || header === "*") return undefined;
  const version = /^"(\d{1,15})"$/.exec(header)?.[1];
  if (version === undefined) throw new Problem("invalid-request", '`If-Match` takes one ETag like "3", or *.');
  return Number(version);
}

function etag(version: number): { etag: string } {
  return { etag: `"${version}"` };
}
