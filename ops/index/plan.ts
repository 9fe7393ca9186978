/** What an update has to do: pure comparison of the files with what the service holds. */
import { z } from "zod";

export const storedDocument = z.object({
  id: z.string(),
  content_hash: z.string(),
  url: z.string().nullable(),
  metadata: z.record(z.string(), z.unknown()),
});
export type StoredDocument = z.infer<typeof storedDocument>;

export interface SyncPlan {
  add: string[];
  change: string[];
  unchanged: string[];
  delete: string[];
}

/**
 * Compares by content hash. `local` maps ids to hashes; null is a file that was not read (refused, or older than
 * `--since`): its document, if there is one, stays as it is. Documents are deleted only if they are in one of
 * `collections`, by id and by metadata: what others wrote through the API is never touched.
 */
export function planSync(
  local: ReadonlyMap<string, string | null>,
  stored: readonly StoredDocument[],
  collections: ReadonlySet<string>,
): SyncPlan {
  const known = new Map(stored.map((document) => [document.id, document.content_hash]));
  const plan: SyncPlan = { add: [], change: [], unchanged: [], delete: [] };
  for (const [id, hash] of local) {
    const before = known.get(id);
    if (hash === null) {
      if (before !== undefined) plan.unchanged.push(id);
    } else if (before === undefined) plan.add.push(id);
    else if (before === hash) plan.unchanged.push(id);
    else plan.change.push(id);
  }
  plan.delete = stored
    .filter(({ id, metadata }) => !local.has(id) && isOurs(id, metadata, collections))
    .map(({ id }) => id);
  return plan;
}

function isOurs(id: string, metadata: Record<string, unknown>, collections: ReadonlySet<string>): boolean {
  const collection = id.slice(0, id.indexOf(":"));
  return collections.has(collection) && metadata.collection === collection;
}
