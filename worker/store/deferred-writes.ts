/**
 * Writes that met the write fence, kept in R2 until they can be applied.
 *
 * An operation is acknowledged (202 and a job) only when it lies here whole. The order of its objects is what makes a
 * crash harmless: the operation, then the answer that claims its Idempotency-Key, then its place in the line of its
 * document, then the queue message. Whatever is in a line was complete; what never got there was never acknowledged.
 */
import { z } from "zod";
import { sha256 } from "../ground/digest.ts";
import type { DocumentInput } from "../ground/document.ts";
import type { Feedback } from "./feedback.ts";
import { DEFERRED_OPERATIONS, DEFERRED_PREFIX } from "./fence-names.ts";
import type { Owner } from "./idempotency.ts";
import { NO_OUTCOME } from "./job-parts.ts";
import type { JobStatus } from "./jobs.ts";

/** Names sort by time as text for the next 250 years. */
const TIME_DIGITS = 13;

const precondition = z.object({ if_match: z.string().optional(), if_none_match: z.string().optional() }).optional();
const given = <T>() => z.custom<T>((value) => typeof value === "object" && value !== null);

/** What was to be written. */
const deferredWrite = z.discriminatedUnion("type", [
  z.object({ type: z.literal("put"), document: given<DocumentInput>(), precondition }),
  z.object({ type: z.literal("delete"), id: z.string(), precondition }),
  /** The documents of its parts are staged already. */
  z.object({ type: z.literal("batch"), document_count: z.number(), part_count: z.number() }),
  z.object({ type: z.literal("feedback"), feedback: given<Feedback>() }),
]);
export type DeferredWrite = z.infer<typeof deferredWrite>;

const owner = z.object({ key_id: z.string(), idempotency_key: z.string() });

const deferredOperation = z.object({
  job_id: z.string(),
  tenant: z.string(),
  received_at_ms: z.number(),
  write: deferredWrite,
  /** Whose Idempotency-Key the request carried; null without one. */
  owner: owner.nullable(),
});
export type DeferredOperation = z.infer<typeof deferredOperation>;

/** An answer to an idempotent request that D1 could not take: what repetitions get, and a row of `idempotency` later. */
const deferredAnswer = z.object({
  owner,
  request_hash: z.string(),
  status: z.number(),
  /** Sealed. */
  body: z.string(),
  created_at_ms: z.number(),
  /** The deferred operation that the answer belongs to; null when the request itself was done. */
  job_id: z.string().nullable(),
});
export type DeferredAnswer = z.infer<typeof deferredAnswer>;

/** Keeps an operation; `answer` claims its Idempotency-Key. Returns the answer of whoever claimed the key before, or null. */
export async function keepOperation(
  packs: R2Bucket,
  operation: DeferredOperation,
  answer: DeferredAnswer | null,
): Promise<DeferredAnswer | null> {
  await packs.put(operationKey(operation.job_id), JSON.stringify(operation));
  if (answer !== null) {
    const earlier = await claimAnswer(packs, answer);
    if (earlier !== null) {
      await packs.delete(operationKey(operation.job_id));
      return earlier;
    }
  }
  const place = await placeInLine(operation);
  if (place !== null) await packs.put(place, "");
  return null;
}

/** Keeps an answer unless its Idempotency-Key has one; returns that one then. */
export async function claimAnswer(packs: R2Bucket, answer: DeferredAnswer): Promise<DeferredAnswer | null> {
  const key = await answerKey(answer.owner);
  const stored = await packs.put(key, JSON.stringify(answer), { onlyIf: { etagDoesNotMatch: "*" } });
  return stored === null ? readAnswer(packs, key) : null;
}

/** The answer that is deferred for an Idempotency-Key, if any. */
export async function findAnswer(packs: R2Bucket, of: Owner): Promise<DeferredAnswer | null> {
  return readAnswer(packs, await answerKey(of));
}

export async function readAnswer(packs: R2Bucket, key: string): Promise<DeferredAnswer | null> {
  const object = await packs.get(key);
  return object && deferredAnswer.parse(await object.json());
}

/** The operation of a job, while it waits. */
export async function readOperation(packs: R2Bucket, job_id: string): Promise<DeferredOperation | null> {
  const object = await packs.get(operationKey(job_id));
  return object && deferredOperation.parse(await object.json());
}

/** A waiting operation as its job; null when there is none of this tenant. */
export async function readDeferredJob(packs: R2Bucket, tenant: string, job_id: string): Promise<JobStatus | null> {
  const operation = await readOperation(packs, job_id);
  if (operation === null || operation.tenant !== tenant) return null;
  const { write, received_at_ms } = operation;
  const counts = { put: 1, delete: 1, feedback: 0, batch: write.type === "batch" ? write.document_count : 0 };
  return {
    ...structuredClone(NO_OUTCOME),
    id: job_id,
    state: "queued",
    documents: counts[write.type],
    parts: { total: write.type === "batch" ? write.part_count : 1, done: 0, failed: 0 },
    created_at_ms: received_at_ms,
    finished_at_ms: null,
  };
}

/** Jobs that wait for the same document, in the order in which they were received; empty for writes that have no line. */
export async function jobsInLine(packs: R2Bucket, tenant: string, write: DeferredWrite): Promise<string[]> {
  const prefix = await lineOf(tenant, write);
  if (prefix === null) return [];
  // One document is not written a thousand times during one cut-over; those beyond wait for their own message.
  const { objects } = await packs.list({ prefix });
  return objects.map(({ key }) => key.slice(prefix.length + TIME_DIGITS + 1));
}

/** Gives an operation whose request ended before that its place in the line. */
export async function joinLine(packs: R2Bucket, operation: DeferredOperation): Promise<void> {
  const place = await placeInLine(operation);
  if (place !== null) await packs.put(place, "");
}

/** Removes everything about operations that are applied, in one call. */
export async function forgetOperation(packs: R2Bucket, operation: DeferredOperation): Promise<void> {
  const place = await placeInLine(operation);
  await packs.delete([
    operationKey(operation.job_id),
    ...(place === null ? [] : [place]),
    ...(operation.owner === null ? [] : [await answerKey(operation.owner)]),
  ]);
}

/** Operations and answers that have lain here since before a time: their messages were lost. */
export async function overdueDeferred(
  packs: R2Bucket,
  before_ms: number,
): Promise<{ job_ids: string[]; answers: string[] }> {
  const overdue = async (folder: string) => {
    const { objects } = await packs.list({ prefix: `${DEFERRED_PREFIX}${folder}/` });
    return objects.filter(({ uploaded }) => uploaded.getTime() < before_ms).map(({ key }) => key);
  };
  const [operations, answers] = await Promise.all([overdue("operations"), overdue("answers")]);
  return {
    job_ids: operations.map((key) => key.slice(DEFERRED_OPERATIONS.length, -".json".length)),
    answers,
  };
}

function operationKey(job_id: string): string {
  return `${DEFERRED_OPERATIONS}${job_id}.json`;
}

/** Where the answer for an Idempotency-Key lies. */
export async function answerKey({ key_id, idempotency_key }: Owner): Promise<string> {
  return `${DEFERRED_PREFIX}answers/${await sha256(`${key_id}\n${idempotency_key}`)}.json`;
}

async function lineOf(tenant: string, write: DeferredWrite): Promise<string | null> {
  if (write.type !== "put" && write.type !== "delete") return null;
  const id = write.type === "put" ? write.document.id : write.id;
  return `${DEFERRED_PREFIX}line/${await sha256(`${tenant}\n${id}`)}/`;
}

async function placeInLine({ tenant, write, received_at_ms, job_id }: DeferredOperation): Promise<string | null> {
  const line = await lineOf(tenant, write);
  return line === null ? null : `${line}${String(received_at_ms).padStart(TIME_DIGITS, "0")}-${job_id}`;
}
