/** How far the change log may be trimmed: nobody who follows it may be left without its beginning. */
import { readInventory } from "../backup/manifest.ts";
import { type RepositoryOptions, withRepository } from "../backup/open.ts";
import type { Repository } from "../backup/repository/repository.ts";
import { isReason, type Reason } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { readRecord, readWayBack } from "../generation/record.ts";
import type { StoreSession } from "../generation/stores.ts";
import { UNDO_WINDOW_MS } from "../limits.ts";
import type { RebuildSource } from "./rebuild.ts";

/** Why there is no repository to ask. */
export type NoRepository = Extract<Reason, "no-repository" | "no-key">;

const UNKNOWN: Readonly<Record<NoRepository, string>> = {
  "no-repository": "no repository: its snapshots decide what is still needed",
  "no-key": "no key for the repository: its snapshots decide what is still needed",
};

interface TrimLimit {
  /** Entries up to this one may go; 0: none. */
  through: number;
  because: string;
}

/**
 * The next backup goes on from the newest snapshot of `repository`; the undo of a switch from the log's number at that time; a switch
 * under way from any; a rebuild that is about to begin from its `source`. Repositories beside this one are not known here: their next
 * snapshot would be a full one, and say so.
 */
export async function trimLimit(
  session: StoreSession,
  repository: Repository | NoRepository,
  source: RebuildSource | null = null,
): Promise<TrimLimit> {
  const { bucket, steady } = session;
  if (typeof repository === "string") return { through: 0, because: UNKNOWN[repository] };
  if ((await readRecord(bucket, steady)) !== null)
    return { through: 0, because: "a switch of generations is under way and follows the log" };
  const newest = await repository.openNewest();
  if (newest === null) return { through: 0, because: "there is no snapshot yet" };
  const { database } = await readInventory(newest);
  const limits = [
    { through: database.log_seq ?? 0, because: `snapshot ${newest.info.id} has everything up to ${database.log_seq}` },
  ];
  if (source !== null)
    limits.push({ through: source.log_seq, because: `the rebuild follows it from snapshot ${source.snapshot_id} on` });
  for (const store of ["database", "vectors"] as const) {
    const way = await readWayBack(bucket, store, steady);
    if (way === null || session.now() - way.at_ms > UNDO_WINDOW_MS) continue;
    limits.push({ through: way.seq, because: `the switch of ${store} can be undone from ${way.seq} on` });
  }
  return limits.reduce((least, limit) => (limit.through < least.through ? limit : least));
}

/** Rows expire without a repository or a key for it, too, unless one `is_needed` or was named; then the change log stays. */
export async function withRepositoryIfThere<T>(
  invocation: Invocation,
  options: RepositoryOptions,
  is_needed: boolean,
  work: (repository: Repository | NoRepository) => Promise<T>,
): Promise<T> {
  let isOpen = false;
  try {
    return await withRepository(invocation, options, null, (repository) => {
      isOpen = true;
      return work(repository);
    });
  } catch (error) {
    const isAbsent = isReason(error, "no-repository", "no-key");
    if (isOpen || !isAbsent || is_needed || options.repository !== undefined) throw error;
    return await work(error.reason);
  }
}
