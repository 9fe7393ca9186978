/**
 * Databases that an export or import blocks, and for how long.
 *
 * On Cloudflare every query fails while such a job runs; an export cancels itself when nobody polls it. A failed
 * export of a database with FTS5 tables can leave the block behind (workers-sdk issue 9519): here too, until the job
 * cancels itself.
 */
import { setTimeout as pause } from "node:timers/promises";
import { D1_JOB_UNPOLLED_MAX_MS } from "../limits.ts";
import { sqlError } from "./d1-limits.ts";

type LongJob = "export" | "import";

export class D1Holds {
  readonly #held = new Map<string, { job: LongJob; polled_ms: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Blocks the database, or keeps it blocked: called at the start of a job and whenever its owner polls. */
  hold(databaseId: string, job: LongJob): void {
    this.#held.set(databaseId, { job, polled_ms: this.#now() });
  }

  release(databaseId: string): void {
    this.#held.delete(databaseId);
  }

  /** What blocks the database now. A job that was not polled in time no longer does. */
  heldBy(databaseId: string): LongJob | undefined {
    const held = this.#held.get(databaseId);
    if (held && this.#now() - held.polled_ms > D1_JOB_UNPOLLED_MAX_MS) this.#held.delete(databaseId);
    return this.#held.get(databaseId)?.job;
  }

  /** @throws ApiError in Cloudflare's words while a job blocks the database. */
  refuseWhileHeld(databaseId: string): void {
    const job = this.heldBy(databaseId);
    if (job) throw sqlError(`Currently processing a long-running ${job}.`);
  }
}

/** What a poll waits for: the end of the job, or so long. A timer that nobody waits for any more would hold the process. */
export async function endedWithin(job: Promise<unknown>, wait_ms: number): Promise<void> {
  const waiting = new AbortController();
  const passed = pause(wait_ms, undefined, { signal: waiting.signal }).catch(() => {});
  await Promise.race([job, passed]).finally(() => waiting.abort());
}
