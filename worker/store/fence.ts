/**
 * The write fence as the Worker meets it (docs/decisions/0009-generations-and-the-write-fence.md).
 *
 * While ops cuts over to another generation of a store, triggers refuse every write to D1 with this mark. Whoever writes
 * defers the write or repeats it later; nothing here puts a fence up.
 */
import { FENCE_MARK } from "./fence-names.ts";

/**
 * `up`: nothing can be written. `lifted`: writes pass again, but some that were deferred may not be applied yet, and the
 * same document must be written after them. `none`: nothing is deferred.
 */
export type Fence = "none" | "up" | "lifted";

/** A write that must wait: thrown before it is tried, where the fence is known. */
export class WriteFenced extends Error {
  override name = "WriteFenced";
  readonly fence: Fence;

  constructor(fence: Fence) {
    super(`${FENCE_MARK}: a store is being replaced; the write must wait`);
    this.fence = fence;
  }
}

/** True for refusals by the fence, whichever statement met it. */
export function isFenced(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.message.includes(FENCE_MARK)) return true;
  }
  return false;
}

/** The statement, for batches that read the fence with what they are about to change. */
export function fenceStatement(db: D1Database): D1PreparedStatement {
  return db.prepare("SELECT lifted_at_ms FROM write_fence");
}

/** What `fenceStatement` found. */
export function fenceOf(results: readonly unknown[] | undefined): Fence {
  const row = results?.[0] as { lifted_at_ms: number | null } | undefined;
  if (row === undefined) return "none";
  return row.lifted_at_ms === null ? "up" : "lifted";
}
