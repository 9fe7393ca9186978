/**
 * Removing snapshots: the pointer forgets them, then their manifests go, then what only they referred to. A process that
 * dies in between leaves objects that nothing refers to, never a reference to nothing.
 */
import pMap from "p-map";
import { portions } from "../../../worker/ground/portions.ts";
import { REPOSITORY_READERS } from "../../limits.ts";
import { diedHere } from "../../machine.ts";
import { isFailure, listUnder, type StoredObject } from "../../storage/storage.ts";
import { DamagedObject, refused } from "./damage.ts";
import { garbage, referencesOf } from "./garbage.ts";
import { type History, type KnownManifest, manifestObjects } from "./history.ts";
import { contentKeyKey, EPOCHS, LEASES } from "./layout.ts";
import { leasesThere, otherLeases, refuseBesidePrune, takeLease } from "./leases.ts";
import type { Index } from "./manifest.ts";
import type { Opened } from "./opened.ts";
import { updatePointer } from "./pointer.ts";
import type { PrunePlan, PruneReport } from "./repository.ts";
import { type IndexedSnapshot, objectOf, unsealIndex } from "./snapshot-index.ts";

interface PruneDeps {
  opened: Opened;
  manifests: Map<string, KnownManifest>;
  history: () => Promise<History>;
  indexed: (known: KnownManifest, within: History) => Promise<IndexedSnapshot>;
}

/** Removals between two looks at whether the lease still holds. */
const BATCH = 200;

export async function planPrune(deps: PruneDeps, keep: readonly string[]): Promise<PrunePlan> {
  const { opened } = deps;
  const history = await deps.history();
  const here = new Set([...history.manifests.map(({ ref }) => ref.snapshot), ...lostIn(history)]);
  const unknown = keep.find((id) => !history.manifests.some(({ ref }) => ref.snapshot === id));
  if (unknown !== undefined) {
    throw refused(
      "plan prune of",
      opened.storage.location,
      `there is no whole snapshot ${unknown}`,
      "list them: npm run ops -- backup list",
    );
  }
  const leases = (await leasesThere(opened)).others
    .map(({ lease }) => lease)
    .filter(({ machine, process: pid }) => !diedHere({ machine, pid }));
  const wanted = [...here].filter((id) => !keep.includes(id));
  const in_use = leases.flatMap(({ snapshots, kind, owner }) =>
    snapshots.filter((id) => wanted.includes(id)).map((id) => ({ id, by: `${kind} by ${owner}` })),
  );
  const used = new Set(in_use.map(({ id }) => id));
  const remove = wanted.filter((id) => !used.has(id));
  refuseEmpty(opened, history, remove);
  const { found } = await findGarbage(deps, history, new Set(remove), {
    busy: new Set(leases.filter(({ kind }) => kind === "backup").flatMap(({ epochs }) => epochs)),
    now_ms: opened.now(),
  });
  const bytes = found.reduce((sum, object) => sum + object.bytes, 0);
  return { keep: [...here].filter((id) => !remove.includes(id)), remove, in_use, objects: found.length, bytes };
}

export async function prune(deps: PruneDeps, plan: PrunePlan, seed: string): Promise<PruneReport> {
  const { opened } = deps;
  const lease = await takeLease(opened, { kind: "prune", snapshots: [], epochs: [] });
  const removal = remover(opened, () => lease.assertHeld());
  try {
    const others = await otherLeases(opened, lease);
    refuseBesidePrune(others, "prune", opened.storage.location);
    const used = new Set(others.flatMap(({ snapshots }) => snapshots));
    const before = await deps.history();
    const remove = new Set(plan.remove.filter((id) => !used.has(id)));
    refuseEmpty(opened, before, [...remove]);
    const unsettled = lostIn(before).filter((id) => !remove.has(id));
    if (unsettled.length > 0) {
      const cause = `snapshots ${unsettled.join(", ")} are damaged or missing, and a prune would make it look as if they had been pruned`;
      throw refused(
        "prune",
        opened.storage.location,
        cause,
        "npm run ops -- backup verify; then bring them back, or prune them as well",
      );
    }
    const scope = {
      busy: new Set(others.filter(({ kind }) => kind === "backup").flatMap(({ epochs }) => epochs)),
      now_ms: (await opened.storage.look(`${LEASES}${lease.id}`, opened.signal)).modified_ms,
    };
    // Whatever a kept snapshot needs must be known before anything goes.
    const { given_up } = await findGarbage(deps, before, remove, scope);
    await lease.assertHeld();
    await updatePointer(opened, seed, deps.manifests, (pointer, { manifests }) => ({
      ...pointer,
      pruned_to: Math.max(pointer.pruned_to, ...manifests.map(({ ref }) => ref.counter)),
      kept: manifests.map(({ ref }) => ref).filter(({ snapshot }) => !remove.has(snapshot)),
      removing: [...new Set([...pointer.removing, ...remove])],
      verified: pointer.verified.filter(({ snapshot }) => !remove.has(snapshot)),
    }));
    await removal.remove(await manifestsFor(deps, remove));

    // A manifest that a bucket lock keeps still needs what it refers to.
    const after = await deps.history();
    const { found } = await findGarbage(deps, after, new Set(), scope, given_up);
    await removal.remove(found);
    const there = new Set(after.manifests.map(({ ref }) => ref.snapshot));
    const gone = [...remove].filter((id) => !there.has(id));
    await forgetRemoved(deps, seed);
    return { snapshots_removed: gone, ...removal.report };
  } finally {
    await lease.release();
  }
}

/** Snapshots that the history misses or cannot read. */
const lostIn = ({ findings }: History): string[] => [
  ...new Set(findings.filter(({ severity }) => severity === "damage").flatMap(({ snapshots }) => snapshots)),
];

function refuseEmpty(opened: Opened, { manifests }: History, remove: readonly string[]): void {
  if (manifests.some(({ ref }) => !remove.includes(ref.snapshot))) return;
  const cause = "no whole snapshot would be left";
  throw refused(
    "prune",
    opened.storage.location,
    cause,
    "keep at least one; to give up a repository, remove its bucket or folder",
  );
}

async function findGarbage(
  deps: PruneDeps,
  history: History,
  remove: ReadonlySet<string>,
  scope: { busy: ReadonlySet<string>; now_ms: number },
  given_up_before: ReadonlySet<string> = new Set(),
): Promise<{ found: StoredObject[]; given_up: ReadonlySet<string> }> {
  const { opened } = deps;
  const kept: IndexedSnapshot[] = [];
  const given_up = new Set(given_up_before);
  await pMap(
    history.manifests,
    async (known) => {
      const goes = remove.has(known.ref.snapshot);
      const indexed = await deps.indexed(known, history).catch((error: unknown) => {
        // A damaged index of one that goes only means that its parts are found later, by their age.
        if (goes && error instanceof DamagedObject) return null;
        throw error;
      });
      if (indexed === null) given_up.add(known.ref.manifest).add(known.manifest.index.object);
      else if (goes) for (const key of referencesOf(indexed)) given_up.add(key);
      else kept.push(indexed);
    },
    { concurrency: REPOSITORY_READERS },
  );
  const objects = await listUnder(opened.storage, EPOCHS, opened.signal);
  for (const { key, index } of await removedIndexes(deps, history, objects)) {
    given_up.add(key);
    for (const part of index.parts) given_up.add(objectOf(part)).add(contentKeyKey(part.epoch, part.content_key));
  }
  return { found: garbage({ objects, kept, given_up, ...scope }), given_up };
}

/** Indexes of snapshots that an earlier prune removed and could not finish with. */
async function removedIndexes(
  { opened }: PruneDeps,
  { manifests, pointer }: History,
  objects: readonly StoredObject[],
): Promise<{ key: string; index: Index }[]> {
  const referred = new Set(manifests.map(({ manifest }) => manifest.index.object));
  const found: { key: string; index: Index }[] = [];
  for (const { key } of objects) {
    if (!key.includes("/index/") || referred.has(key)) continue;
    const { body } = await opened.storage.read(key, opened.signal);
    for (const snapshot of pointer?.removing ?? []) {
      const index = await unsealIndex(opened, `index:${snapshot}`, body);
      if ("value" in index) found.push({ key, index: index.value });
    }
  }
  return found;
}

/** `removing` keeps only those whose index is still there. */
async function forgetRemoved(deps: PruneDeps, seed: string): Promise<void> {
  const history = await deps.history();
  const objects = await listUnder(deps.opened.storage, EPOCHS, deps.opened.signal);
  const left = (await removedIndexes(deps, history, objects)).map(({ index }) => index.snapshot);
  const there = history.manifests.map(({ ref }) => ref.snapshot);
  await updatePointer(deps.opened, seed, deps.manifests, (pointer) => ({
    ...pointer,
    removing: pointer.removing.filter((id) => left.includes(id) || there.includes(id)),
  }));
}

/** Also of damaged manifests: their name says whose they are. */
async function manifestsFor({ opened }: PruneDeps, snapshots: ReadonlySet<string>): Promise<StoredObject[]> {
  const all = await manifestObjects(opened.storage, opened.signal);
  return all.filter(({ key }) => snapshots.has(key.slice(key.lastIndexOf("-") + 1)));
}

function remover(opened: Opened, assertHeld: () => Promise<void>) {
  const report = { objects_removed: 0, bytes_removed: 0, locked: { objects: 0, bytes: 0 } };
  const one = async ({ key, bytes }: StoredObject): Promise<void> => {
    try {
      await opened.storage.remove(key, opened.signal);
      report.objects_removed += 1;
      report.bytes_removed += bytes;
    } catch (error) {
      if (!isFailure(error, "locked")) throw error;
      report.locked.objects += 1;
      report.locked.bytes += bytes;
    }
  };
  return {
    report,
    async remove(objects: readonly StoredObject[]): Promise<void> {
      for (const part of portions(objects, BATCH)) {
        await assertHeld();
        await pMap(part, one, { concurrency: REPOSITORY_READERS });
      }
    },
  };
}
