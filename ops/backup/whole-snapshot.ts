/** What may take the place of a damaged snapshot: told wherever one is refused, before anything is touched. */
import { counted } from "../../worker/ground/counted.ts";
import { isReason, refusal } from "../command/errors.ts";
import type { Finding, Repository, SnapshotInfo } from "./repository/repository.ts";

/** Those of `snapshots` of which nothing is known to be missing. */
export function unhurt(snapshots: readonly SnapshotInfo[], findings: readonly Finding[]): SnapshotInfo[] {
  const hurt = new Set(findings.flatMap(({ severity, snapshots }) => (severity === "damage" ? snapshots : [])));
  return snapshots.filter(({ id }) => !hurt.has(id));
}

/**
 * In words: the newest snapshot before `id` of which nothing is missing, by one listing and the indexes. `id` null: before the newest,
 * which cannot be named. @throws StorageError
 */
async function insteadOf(repository: Repository, id: string | null): Promise<string> {
  const { findings } = await repository.verifyStructure();
  const snapshots = await repository.listSnapshots();
  const [whole] = unhurt(snapshots.slice(snapshots.findIndex((one) => one.id === id) + 1), findings);
  if (whole === undefined) return id === null ? "no snapshot is whole" : "no older snapshot is whole";
  return `restore ${whole.id} of ${new Date(whole.finished_ms).toISOString()}, the newest older one of which nothing is missing`;
}

const SALVAGE = "npm run ops -- backup export --salvage ID DIR writes what can still be read";

/** For a snapshot's plan or check: why it is refused and what to do; null when nothing of it is damaged. */
export async function damageTold(
  repository: Repository,
  id: string,
  findings: readonly Finding[],
): Promise<{ object: string; cause: string; remedy: string } | null> {
  const damage = findings.filter(({ severity, snapshots }) => severity === "damage" && snapshots.includes(id));
  const [first] = damage;
  if (first === undefined) return null;
  const others = damage.length > 1 ? `, and ${counted(damage.length - 1, "other object")} damaged as well` : "";
  return {
    object: first.object,
    cause: `${first.cause}${others}`,
    remedy: `${await insteadOf(repository, id)}; ${SALVAGE}; ${first.hint}`,
  };
}

/** For `catch`: what is damaged is refused, with what may take its place. `id` null: it is not known which is meant. */
export function refuseDamaged(repository: Repository, id: string | null) {
  return async (error: unknown): Promise<never> => {
    if (!isReason(error, "damaged")) throw error;
    const hint = `${await insteadOf(repository, id)}; ${error.parts.hint}`;
    throw refusal({ ...error.parts, hint }, error);
  };
}
