/**
 * Writes beside a write fence: done where they can be, deferred where they must wait, never failed for the caller.
 *
 * A write is deferred when a fence refuses it. When the fence is lifted and earlier writes of the same document still wait,
 * a later one takes their place, or waits behind them if it depends on them: the order in which one document's writes were
 * received is the order in which they count.
 */
import type { Context } from "hono";
import type { App } from "../context.ts";
import { supersedingStatements } from "../jobs/apply-deferred.ts";
import { FENCE_RETRY_S, SUPERSEDED_WRITES_MAX, WRITE_CONFLICT_RETRIES_MAX } from "../limits.ts";
import { type Answer, replay, sealAnswer } from "../security/idempotency.ts";
import {
  type DeferredAnswer,
  type DeferredOperation,
  type DeferredWrite,
  forgetOperation,
  jobsInLine,
  keepOperation,
  readOperation,
} from "../store/deferred-writes.ts";
import { isFenced, WriteFenced } from "../store/fence.ts";
import { isJobRecorded } from "../store/jobs.ts";
import type { QueueMessage } from "../store/queue-messages.ts";
import { describeError, logEvent } from "../telemetry/log.ts";

/** What a deferred write is answered with: 202, and where its job is. */
export interface Deferral {
  response: Response;
  /** False when an earlier request with the same Idempotency-Key is what the response tells of. */
  kept: boolean;
}

/** How a write goes ahead beside a lifted fence. */
export interface Passage {
  past_lifted_fence: boolean;
  /** Statements for the batch of the write: they end earlier writes of the document, whose place it takes. */
  alongside: readonly D1PreparedStatement[];
  /** What those earlier writes would have left: the document, or none. Undefined when there were none. */
  promised: "put" | "delete" | undefined;
}

const NO_PASSAGE: Passage = { past_lifted_fence: false, alongside: [], promised: undefined };

/**
 * Does `work`, or keeps `write` for later and returns the answer to give. `job_id` names the job of the write if it is
 * deferred.
 */
export async function writeOrDefer<T>(
  c: Context<App>,
  write: DeferredWrite,
  received_at_ms: number,
  work: (passage: Passage) => Promise<T>,
  job_id: string = crypto.randomUUID(),
): Promise<{ done: T } | Deferral> {
  const { tenant } = c.get("principal");
  const operation = { job_id, tenant, received_at_ms, write, owner: c.get("idempotency")?.owner ?? null };
  if (c.get("idempotency")?.reserved === false) return defer(c, operation);
  let line: DeferredOperation[] = [];
  for (let passage = NO_PASSAGE, attempt = 0; ; attempt += 1) {
    try {
      const done = await work(passage);
      for (const superseded of line) await forgetOperation(c.env.VECTOR_PACKS, superseded);
      return { done };
    } catch (error) {
      const isPassable = error instanceof WriteFenced && error.fence === "lifted";
      // Somebody applied one of those whose place this write was to take.
      const isOvertaken = line.length > 0 && isJobRecorded(error);
      if (!isFenced(error) && !isOvertaken) throw error;
      if (!(isPassable || isOvertaken) || attempt >= WRITE_CONFLICT_RETRIES_MAX) return defer(c, operation);
    }
    const waiting = await jobsInLine(c.env.VECTOR_PACKS, tenant, write);
    if (waiting.length > 0 && !takesTheirPlace(write, waiting.length)) return defer(c, operation);
    line = await readLine(c.env.VECTOR_PACKS, waiting);
    passage = {
      past_lifted_fence: true,
      alongside: await supersedingStatements({ db: c.env.DB, packs: c.env.VECTOR_PACKS }, line, received_at_ms),
      promised: line.at(-1)?.write.type === "delete" ? "delete" : line.length > 0 ? "put" : undefined,
    };
  }
}

/** A whole document takes the place of everything before it; one that expects a version has to wait for that version. */
function takesTheirPlace(write: DeferredWrite, waiting: number): boolean {
  const isWhole = (write.type === "put" || write.type === "delete") && write.expected_version === undefined;
  return isWhole && waiting <= SUPERSEDED_WRITES_MAX;
}

async function readLine(packs: R2Bucket, job_ids: readonly string[]): Promise<DeferredOperation[]> {
  const found = await Promise.all(job_ids.map((id) => readOperation(packs, id)));
  return found.filter((operation) => operation !== null);
}

/** The answer to a job that was accepted. */
export function jobLocation(job_id: string): { body: { job_id: string; status_url: string }; location: string } {
  const status_url = `/api/v1/jobs/${job_id}`;
  return { body: { job_id, status_url }, location: status_url };
}

async function defer(c: Context<App>, operation: DeferredOperation): Promise<Deferral> {
  const { body, location } = jobLocation(operation.job_id);
  const answer: Answer = { headers: { "content-type": "application/json", location }, body: JSON.stringify(body) };
  const earlier = await keepOperation(c.env.VECTOR_PACKS, operation, await claimOf(c, operation, answer));
  c.set("deferred", true);
  if (earlier !== null) return { response: await replay(c, earlier, c.get("idempotency").request_hash), kept: false };
  const message: QueueMessage = { type: "deferred", job_id: operation.job_id };
  // A lost message only delays: cron finds the operation.
  await c.env.INGEST_QUEUE.send(message, { delaySeconds: FENCE_RETRY_S }).catch((error: unknown) =>
    logEvent(c, "WARN", "a deferred write waits for cron", { job_id: operation.job_id, error: describeError(error) }),
  );
  return { response: c.body(answer.body, 202, answer.headers), kept: true };
}

async function claimOf(
  c: Context<App>,
  { job_id, received_at_ms }: DeferredOperation,
  answer: Answer,
): Promise<DeferredAnswer | null> {
  const held = c.get("idempotency");
  if (held === undefined) return null;
  const { owner, request_hash } = held;
  return { owner, request_hash, status: 202, body: await sealAnswer(c, answer), created_at_ms: received_at_ms, job_id };
}
