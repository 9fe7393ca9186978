/** Documents one by one: writing, reading, listing, deleting. Batches are `batches.ts`. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context, Next } from "hono";
import { sha256 } from "../ground/digest.ts";
import {
  CONDITION,
  entityTag,
  failedHeader,
  type Precondition,
  preconditionOf,
  type TaggedState,
} from "../ground/precondition.ts";
import { Problem } from "../ground/problem.ts";
import { FILE_BODY_BYTES_MAX, FILE_ID_DIGITS } from "../limits.ts";
import { deleteDocument } from "../operations/delete-document.ts";
import { findDocument, pageOfDocuments, wholeDocument } from "../operations/read-documents.ts";
import { writeDocument } from "../operations/write-document.ts";
import { textOfFile } from "../rag/ingest/convert-file.ts";
import { documentInput, type RequestedDocument } from "../rag/ingest/document-input.ts";
import { FILE_KINDS } from "../rag/ingest/file-type.ts";
import { fileTitle } from "../rag/ingest/paged-text.ts";
import {
  documentBody,
  documentPage,
  documentParams,
  documentView,
  fileFields,
  fileForm,
  jobAccepted,
  listQuery,
  newDocument,
  writeResult,
} from "../schemas/documents.ts";
import { declareRoute } from "../security/access.ts";
import { refuseFlawedJson } from "../security/body.ts";
import type { App } from "../security/context.ts";
import { refuse, refuseInvalid } from "../security/validation.ts";
import { answerDeferred, claimOf } from "./deferred-answer.ts";
import { json, jsonRequest } from "./json-content.ts";

const problem = (description: string) => ({ description });
const DEFERRED = json(jobAccepted, "A store is being replaced: accepted, and done in a moment; the job tells when");

const condition = (name: string) =>
  ({
    name,
    in: "header",
    description: "ETags separated by commas, or *.",
    schema: { type: "string", pattern: CONDITION.source },
  }) as const;
const CONDITIONS = [condition("If-Match"), condition("If-None-Match")];

/** Whatever can be converted here, and what is Markdown or text already. */
const FILES = Object.fromEntries(
  ["multipart/form-data", ...Object.keys(FILE_KINDS).filter((type) => FILE_KINDS[type]?.by !== "operator")].map(
    (type) => [
      type,
      { schema: type === "multipart/form-data" ? fileForm : { type: "string" as const, format: "binary" } },
    ],
  ),
);

export const documents = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const create = declareRoute(
  "write",
  {
    method: "post",
    path: "/api/v1/documents",
    tags: ["Documents"],
    summary: "Write a document",
    description:
      "Creates the document, or replaces the one with the same id. Unchanged content changes nothing. Instead of JSON it takes " +
      "a file, in a form or as the body: HTML, PDF, Word, Excel, OpenDocument and CSV become Markdown; `id`, `title`, `url` and " +
      "`metadata` (JSON) are then fields of the form, or of the query. Pages and sheets become headings. Presentations and " +
      "books are converted by `ops index update` alone. `If-Match` and `If-None-Match` are about the document with this id.",
    parameters: CONDITIONS,
    request: { body: { required: true, content: { ...jsonRequest(newDocument).content, ...FILES } } },
    // Stands before the validation of JSON: a body that is a file becomes a document here.
    middleware: (c: Context<App>, next: Next) => (c.var.file === undefined ? next() : writeFile(c, c.var.file)),
    responses: {
      201: json(writeResult, "Created"),
      200: json(writeResult, "Replaced, or unchanged"),
      202: DEFERRED,
      412: problem("`If-Match` or `If-None-Match` does not hold"),
      422: problem("The file cannot be taken, or the Idempotency-Key belongs to another request"),
      503: problem(
        "Others kept changing the document meanwhile, or files cannot be converted now; nothing was changed",
      ),
    },
  },
  { idempotent: true, deferrable: true, file_bytes_max: FILE_BODY_BYTES_MAX },
);
documents.openapi(create, (c) => {
  const body = c.req.valid("json");
  return write(c, { ...body, id: body.id ?? crypto.randomUUID() }, conditionsOf(c));
});

const put = declareRoute("write", {
  method: "put",
  path: "/api/v1/documents/{id}",
  tags: ["Documents"],
  summary: "Create or replace a document",
  parameters: CONDITIONS,
  description:
    "`If-Match` with the document's ETag makes the write conditional; `If-None-Match: *` writes only what does not exist. " +
    "Both take lists of ETags and `*` (RFC 9110). One without a value never arrives, since Cloudflare's runtime drops such headers: a client " +
    "that knows no ETag sends `*`, or nothing.",
  request: { params: documentParams, body: jsonRequest(documentBody) },
  responses: {
    201: json(writeResult, "Created"),
    200: json(writeResult, "Replaced, or unchanged"),
    202: DEFERRED,
    412: problem("`If-Match` or `If-None-Match` does not hold"),
    503: problem("Others kept changing the document meanwhile; nothing was changed"),
  },
});
documents.openapi(put, (c) => write(c, { ...c.req.valid("json"), id: c.req.valid("param").id }, conditionsOf(c)));

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
  parameters: CONDITIONS,
  request: { params: documentParams },
  responses: {
    200: json(documentView, "The document"),
    304: problem("Unchanged"),
    404: problem("No such document"),
    412: problem("`If-Match` does not hold"),
  },
});
documents.openapi(read, async (c) => {
  const { work } = c.var;
  const document = await findDocument(work, c.req.valid("param").id);
  const headers = etag(document);
  const failed = failedHeader(conditionsOf(c) ?? {}, document);
  if (failed === "If-Match") throw new Problem("version-mismatch", `The document's ETag is ${headers.etag}.`);
  if (failed === "If-None-Match") return c.body(null, 304, headers);
  return c.json(await wholeDocument(work, document), 200, headers);
});

const remove = declareRoute("write", {
  method: "delete",
  path: "/api/v1/documents/{id}",
  tags: ["Documents"],
  summary: "Delete a document",
  parameters: CONDITIONS,
  description: "Gone from search, full text and vectors at once; from vector packs and backups when those are renewed.",
  request: { params: documentParams },
  responses: {
    204: { description: "Deleted" },
    202: DEFERRED,
    404: problem("No such document"),
    412: problem("`If-Match` or `If-None-Match` does not hold"),
    503: problem("Others kept changing the document meanwhile; nothing was changed"),
  },
});
documents.openapi(remove, async (c) => {
  const { id } = c.req.valid("param");
  const outcome = await deleteDocument(c.var.work, { id, precondition: conditionsOf(c) });
  return "done" in outcome ? c.body(null, 204) : answerDeferred(c, outcome);
});

async function writeFile(c: Context<App>, file: NonNullable<App["Variables"]["file"]>): Promise<Response> {
  if (file.fields.metadata !== undefined) refuseFlawedJson(file.fields.metadata, "`metadata`");
  const parsed = fileFields.safeParse(file.fields);
  if (!parsed.success) refuse(parsed.error, []);
  const { title, metadata = {}, url } = parsed.data;
  const id = parsed.data.id ?? `file-${(await sha256(file.bytes)).slice(0, FILE_ID_DIGITS)}`;
  const said = await textOfFile(c.var.work.stores.ai, file);
  const document = { id, title: title ?? fileTitle(file.name, file.media_type, said.text), url, metadata, ...said };
  return write(c, document, conditionsOf(c));
}

async function write(
  c: Context<App>,
  body: RequestedDocument,
  precondition: Precondition | undefined,
): Promise<Response> {
  const document = documentInput(body);
  const outcome = await writeDocument(c.var.work, { document, precondition, claim: claimOf(c) });
  if (!("done" in outcome)) return answerDeferred(c, outcome);
  const { created_at_ms: _, ...shown } = outcome.done;
  if (shown.status !== "created") return c.json(shown, 200, etag(outcome.done));
  return c.json(shown, 201, { ...etag(outcome.done), location: `/api/v1/documents/${encodeURIComponent(shown.id)}` });
}

function conditionsOf(c: Context<App>): Precondition | undefined {
  return preconditionOf((name) => c.req.header(name));
}

function etag(state: TaggedState): { etag: string } {
  return { etag: entityTag(state) };
}
