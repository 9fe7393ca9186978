/**
 * Writes beside a write fence: done where they can be, deferred where they must wait, never failed for the caller.
 *
 * A write is deferred when a fence refuses it. When the fence is lifted and earlier writes of the same document still wait,
 * a later one takes their place, or waits behind them if it depends on them: the order in which one document's writes were
 * received is the order in which they count.
 */
import { FENCE_RETRY_S, SUPERSEDED_WRITES_MAX, WRITE_CONFLICT_RETRIES_MAX } from "../limits.ts";
import {
  type DeferredOperation,
  type DeferredWrite,
  forgetOperation,
  jobsInLine,
  keepOperation,
  readOperation,
} from "../store/deferred-writes.ts";
import { isFenced, WriteFenced } from "../store/fence.ts";
import type { Earlier, HeldKey } from "../store/idempotency.ts";
import { isJobRecorded } from "../store/jobs.ts";
import { describeError } from "../telemetry/log.ts";
import type { Work } from "../work.ts";
import { supersedingStatements } from "./apply-deferred.ts";

/** The Idempotency-Key that a request holds. */
export interface Claim extends HeldKey {
  /** Sealed: what repetitions are answered with when the write is deferred as this job. */
  sealedAnswer(job_id: string): Promise<string>;
}

/** A write that may be deferred. */
interface Deferrable {
  write: DeferredWrite;
  received_at_ms: number;
  claim?: Claim | undefined;
  /** Names the job if it is deferred; a new one without it. */
  job_id?: string;
}

/** Done; or deferred as a job; or a repetition of an earlier request, whose answer must be given again. */
export type Outcome<T> = { done: T } | { deferred: { job_id: string } } | { earlier: Earlier };

/** Earlier writes of the same document that were deferred and not yet applied. */
export interface Waiting {
  /** False before anybody looked: then a lifted fence stops the write. */
  known: boolean;
  operations: readonly DeferredOperation[];
  /** Statements for the batch of the write, which takes their place: they end them. */
  ending: D1PreparedStatement[];
  /** What the last of them would have done. */
  last: "put" | "delete" | undefined;
}

const NOT_KNOWN: Waiting = { known: false, operations: [], ending: [], last: undefined };

/** Does a write by `attempt`, or keeps it for later. `attempt` may be called again after it failed. */
export async function writeOrDefer<T>(
  work: Work,
  { write, received_at_ms, claim, job_id = crypto.randomUUID() }: Deferrable,
  attempt: (waiting: Waiting) => Promise<T>,
): Promise<Outcome<T>> {
  const operation = { job_id, tenant: work.caller.tenant, received_at_ms, write, owner: claim?.owner ?? null };
  if (claim?.reserved === false) return defer(work, operation, claim);

  let waiting: Waiting | null = NOT_KNOWN;
  for (let tries = 0; tries <= WRITE_CONFLICT_RETRIES_MAX && waiting !== null; tries += 1) {
    try {
      const done = await attempt(waiting);
      for (const superseded of waiting.operations) await forgetOperation(work.stores.packs, superseded);
      return { done };
    } catch (error) {
      const next = whatNext(error, waiting);
      if (next === "fail") throw error;
      if (next === "defer") break;
    }
    waiting = await lookForWaiting(work, operation);
  }
  return defer(work, operation, claim);
}

/** After a failed attempt. */
function whatNext(error: unknown, waiting: Waiting): "look" | "defer" | "fail" {
  // Somebody applied one of those whose place this write was to take.
  if (waiting.operations.length > 0 && isJobRecorded(error)) return "look";
  if (error instanceof WriteFenced && error.fence === "lifted") return "look";
  return isFenced(error) ? "defer" : "fail";
}

/** What waits for the same document; null when this write has to wait behind it. */
async function lookForWaiting({ stores }: Work, { tenant, write, received_at_ms }: DeferredOperation) {
  const job_ids = await jobsInLine(stores.packs, tenant, write);
  if (job_ids.length > 0 && !takesTheirPlace(write, job_ids.length)) return null;
  const found = await Promise.all(job_ids.map((id) => readOperation(stores.packs, id)));
  const operations = found.filter((operation) => operation !== null);
  const last = operations.at(-1)?.write.type;
  return {
    known: true,
    operations,
    ending: await supersedingStatements(stores, operations, received_at_ms),
    last: last === undefined || last === "delete" ? last : "put",
  } satisfies Waiting;
}

/** A whole document takes the place of everything before it; one that expects a version has to wait for that version. */
function takesTheirPlace(write: DeferredWrite, waiting: number): boolean {
  const isWhole = (write.type === "put" || write.type === "delete") && write.precondition === undefined;
  return isWhole && waiting <= SUPERSEDED_WRITES_MAX;
}

async function defer(
  work: Work,
  operation: DeferredOperation,
  claim: Claim | undefined,
): Promise<{ deferred: { job_id: string } } | { earlier: Earlier }> {
  const { job_id, received_at_ms } = operation;
  const answer = claim && {
    owner: claim.owner,
    request_hash: claim.request_hash,
    status: 202,
    body: await claim.sealedAnswer(job_id),
    created_at_ms: received_at_ms,
    job_id,
  };
  const earlier = await keepOperation(work.stores.packs, operation, answer ?? null);
  if (earlier !== null) return { earlier };
  // A lost message only delays: cron finds the operation.
  await work
    .enqueue([{ type: "deferred", job_id }], FENCE_RETRY_S)
    .catch((error: unknown) =>
      work.log("WARN", "a deferred write waits for cron", { job_id, error: describeError(error) }),
    );
  return { deferred: { job_id } };
}
