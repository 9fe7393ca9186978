/** Documents in bulk, and how far their jobs are. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { preconditionOf } from "../ground/precondition.ts";
import { Problem } from "../ground/problem.ts";
import { BATCH_BODY_BYTES_MAX } from "../limits.ts";
import { findJob } from "../operations/jobs.ts";
import { writeBatch } from "../operations/write-batch.ts";
import { documentInput } from "../rag/ingest/document-input.ts";
import { documentBatch, jobAccepted, jobParams, jobView } from "../schemas/documents.ts";
import { declareRoute } from "../security/access.ts";
import type { App } from "../security/context.ts";
import { refuseInvalid } from "../security/validation.ts";
import { acceptedAnswer, answerDeferred, claimOf } from "./deferred-answer.ts";
import { json, jsonRequest } from "./json-content.ts";

export const batches = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const batch = declareRoute(
  "write",
  {
    method: "post",
    path: "/api/v1/documents/batch",
    tags: ["Documents"],
    summary: "Write many documents",
    description:
      "Accepted at once and written through the queue; the job tells how far it is. A batch takes no `If-Match` and no " +
      "`If-None-Match`: they are about one document.",
    request: { body: jsonRequest(documentBatch) },
    responses: { 202: json(jobAccepted, "Accepted"), 503: { description: "The batch could not be stored" } },
  },
  { idempotent: true, deferrable: true, body_bytes_max: BATCH_BODY_BYTES_MAX },
);
batches.openapi(batch, async (c) => {
  if (preconditionOf((name) => c.req.header(name)))
    throw new Problem("invalid-request", "A batch takes no conditions: write the documents one by one with them.");
  const documents = c.req.valid("json").documents.map(documentInput);
  const outcome = await writeBatch(c.var.work, { documents, claim: claimOf(c) });
  if (!("done" in outcome)) return answerDeferred(c, outcome);
  const { headers, body } = acceptedAnswer(outcome.done.job_id);
  return c.body(body, 202, headers);
});

const job = declareRoute("write", {
  method: "get",
  path: "/api/v1/jobs/{id}",
  tags: ["Documents"],
  summary: "How far a batch is",
  request: { params: jobParams },
  responses: { 200: json(jobView, "The job"), 404: { description: "No such job" } },
});
batches.openapi(job, async (c) => c.json(await findJob(c.var.work, c.req.valid("param").id), 200));
