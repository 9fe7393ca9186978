/** Documents in bulk: a batch is stored and announced to the queue at once, its job tells how far it is. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { App } from "../context.ts";
import type { DocumentInput } from "../ground/document.ts";
import { Problem } from "../ground/problem.ts";
import { BATCH_BODY_BYTES_MAX, PART_CHARS_MAX, PART_DOCUMENTS_MAX } from "../limits.ts";
import { documentInput } from "../rag/ingest/document-input.ts";
import { documentBatch, jobAccepted, jobParams, jobView } from "../schemas/documents.ts";
import { declareRoute } from "../security/access.ts";
import { refuseInvalid } from "../security/validation.ts";
import { readDeferredJob } from "../store/deferred-writes.ts";
import { jobStatements, readJob, stageParts, unstageParts } from "../store/jobs.ts";
import type { QueueMessage } from "../store/queue-messages.ts";
import { describeError, logEvent } from "../telemetry/log.ts";
import { jobLocation, writeOrDefer } from "./deferral.ts";
import { json } from "./json-answer.ts";
import { requestStores } from "./request-stores.ts";

export const batches = new OpenAPIHono<App>({ defaultHook: refuseInvalid });

const batch = declareRoute(
  "write",
  {
    method: "post",
    path: "/api/v1/documents/batch",
    tags: ["Documents"],
    summary: "Write many documents",
    description: "Accepted at once and written through the queue; the job tells how far it is.",
    request: { body: { required: true, content: { "application/json": { schema: documentBatch } } } },
    responses: { 202: json(jobAccepted, "Accepted"), 503: { description: "The batch could not be stored" } },
  },
  { idempotent: true, deferrable: true, body_bytes_max: BATCH_BODY_BYTES_MAX },
);
batches.openapi(batch, async (c) => {
  const inputs = c.req.valid("json").documents.map(documentInput);
  const parts = splitIntoParts(inputs);
  const id = crypto.randomUUID();
  const stores = requestStores(c);
  const counts = { document_count: inputs.length, part_count: parts.length };
  const job = { id, tenant: c.get("principal").tenant, created_at_ms: Date.now(), ...counts };
  // Staged before anything else, so that a deferred batch is whole as well.
  await stageParts(stores.packs, id, parts).catch(refuseBatch);
  const outcome = await writeOrDefer(
    c,
    { type: "batch", ...counts },
    job.created_at_ms,
    () => stores.db.batch(jobStatements(stores.db, job)),
    id,
  ).catch(async (error: unknown) => {
    await unstageParts(stores.packs, id, parts.length).catch(() => {});
    return refuseBatch(error);
  });
  if ("response" in outcome) {
    if (!outcome.kept) await unstageParts(stores.packs, id, parts.length);
    return outcome.response;
  }
  const messages = parts.map((_, part): { body: QueueMessage } => ({ body: { type: "ingest", job_id: id, part } }));
  // Queues take 100 messages a call. Lost messages only delay: cron finds the parts.
  for (let from = 0; from < messages.length; from += 100) {
    await c.env.INGEST_QUEUE.sendBatch(messages.slice(from, from + 100)).catch((error: unknown) =>
      logEvent(c, "WARN", "a batch waits for cron", { job_id: id, error: describeError(error) }),
    );
  }
  const { body, location } = jobLocation(id);
  return c.json(body, 202, { location });
});

function refuseBatch(cause: unknown): never {
  if (cause instanceof Problem) throw cause;
  const detail = "The batch could not be stored; nothing of it was kept. Send it again.";
  throw new Problem("batch-not-stored", detail, { retry_after_s: 15, cause });
}

const job = declareRoute("write", {
  method: "get",
  path: "/api/v1/jobs/{id}",
  tags: ["Documents"],
  summary: "How far a batch is",
  request: { params: jobParams },
  responses: { 200: json(jobView, "The job"), 404: { description: "No such job" } },
});
batches.openapi(job, async (c) => {
  const { id } = c.req.valid("param");
  const { tenant } = c.get("principal");
  const { db, packs } = requestStores(c);
  // A deferred write moves from R2 to D1 when it is applied, perhaps between two looks.
  const status =
    (await readJob(db, tenant, id)) ?? (await readDeferredJob(packs, tenant, id)) ?? (await readJob(db, tenant, id));
  if (!status) throw new Problem("not-found", `There is no job ${id}.`);
  const { rows_written, embedded_texts, created_at_ms, finished_at_ms, ...rest } = status;
  return c.json(
    {
      ...rest,
      cost: { rows_written, embedded_texts },
      created_at: new Date(created_at_ms).toISOString(),
      finished_at: finished_at_ms === null ? null : new Date(finished_at_ms).toISOString(),
    },
    200,
  );
});

/** Parts small enough for one queue message to be worked on within its limits. */
function splitIntoParts(inputs: readonly DocumentInput[]): DocumentInput[][] {
  const parts: DocumentInput[][] = [];
  let chars = 0;
  for (const input of inputs) {
    const current = parts.at(-1);
    if (!current || current.length >= PART_DOCUMENTS_MAX || chars + input.text.length > PART_CHARS_MAX) {
      parts.push([input]);
      chars = input.text.length;
    } else {
      current.push(input);
      chars += input.text.length;
    }
  }
  return parts;
}
