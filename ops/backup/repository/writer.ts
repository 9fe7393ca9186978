/**
 * Writing a snapshot. The order is what makes it safe: parts, index, manifest, pointer. Until the manifest is there
 * nothing refers to anything new; from then on everything it refers to is there.
 */
import { randomBytes } from "node:crypto";
import { OpsError, refusal } from "../../command/errors.ts";
import { sizesUnder } from "../../storage/storage.ts";
import { allDone } from "./all-done.ts";
import { secureConfiguration } from "./configuration.ts";
import { type History, isCurrent, type KnownManifest, readManifest } from "./history.ts";
import { CHECKPOINTS, epochOf, indexKey, manifestKey } from "./layout.ts";
import { otherLeases, refuseBesidePrune, takeLease } from "./leases.ts";
import type { Manifest, ManifestRef, Pointer, StoredPart } from "./manifest.ts";
import { seal, sha256 } from "./metadata.ts";
import type { Opened } from "./opened.ts";
import { contentOf, type EpochContent, isThere, openPartStore } from "./part-store.ts";
import { newerOf, updatePointer } from "./pointer.ts";
import type { BeginOptions, SnapshotInfo, SnapshotWriter } from "./repository.ts";
import { signJson } from "./signed.ts";
import { type IndexedSnapshot, objectOf, refOf, sealSummary } from "./snapshot-index.ts";

/** Snapshots that prune must spare while it is decided on which one to build. */
const BASES_LEASED = 3;

/** What the writer needs of the repository that it writes to. */
interface WriterDeps {
  opened: Opened;
  seed: string;
  manifests: Map<string, KnownManifest>;
  /** What is being read already will do. */
  soonest: () => Promise<History>;
  history: () => Promise<History>;
  /** The newest of these that is whole, parts included. `there`: what one of the epochs holds. */
  newestWhole: (history: History, among: ReadonlySet<string>, there: EpochContent) => Promise<IndexedSnapshot | null>;
  infoOf: (known: KnownManifest, history: History) => SnapshotInfo;
}

export async function beginSnapshot(deps: WriterDeps, options: BeginOptions): Promise<SnapshotWriter> {
  const { opened, seed } = deps;
  const { storage, signal, now } = opened;
  const started_ms = now();
  const id = randomBytes(8).toString("hex");
  const before = await deps.soonest();
  // A clock that was set back must not write into an epoch that was closed.
  const epochs = [epochOf(started_ms), ...before.manifests.map(({ manifest }) => manifest.epoch)];
  const epoch = epochs.sort().at(-1) ?? epochOf(started_ms);
  const snapshots = before.manifests.slice(0, BASES_LEASED).map(({ ref }) => ref.snapshot);
  const lease = await takeLease(opened, { kind: "backup", snapshots, epochs: [epoch] }, id);
  try {
    const others = await otherLeases(opened, lease);
    refuseBesidePrune(others, "back up to", storage.location);
    const currentHistory = async (seen: History) => ((await isCurrent(opened, seen)) ? seen : await deps.history());
    const [history, there, checkpoints] = await Promise.all([
      currentHistory(before),
      contentOf(opened, epoch),
      sizesUnder(storage, CHECKPOINTS, signal),
      secureConfiguration(storage, opened.configuration, epoch, signal),
    ]);
    const base = await deps.newestWhole(history, new Set(snapshots), there);
    const store = await openPartStore(opened, id, there, {
      checkpoints: checkpoints.keys(),
      base: base?.stored.values() ?? [],
      distrust: options.distrust ?? new Set(),
      committed: new Set(history.manifests.map(({ ref }) => ref.snapshot)),
      running: new Set(others.map((other) => other.id)),
      lost: lease.lost,
    });
    const entries = new Map<string, StoredPart>();
    const enter = async (part: Promise<StoredPart>) => {
      const stored = await part;
      entries.set(stored.id, stored);
      return refOf(stored);
    };

    return {
      id,
      epoch,
      base,
      written: store.written,
      putPart: (kind, bytes) => enter(store.put(kind, bytes)),
      async keepPart(part_id) {
        const part = base?.stored.get(part_id);
        if (part === undefined) throw new RangeError(`the base has no part ${part_id}`);
        const distrusted = options.distrust?.has(objectOf(part)) === true;
        if (distrusted) throw new RangeError(`part ${part_id} is damaged and must be written anew`);
        return await enter(part.epoch === epoch ? Promise.resolve(part) : store.copy(part));
      },

      async commit({ summary, body }) {
        const [bodyPart, said] = await allDone([enter(store.put("body", Buffer.from(JSON.stringify(body)))), summary]);
        const parts = [...entries.values()];
        const index = await seal(opened.metadata, `index:${id}`, { format: 1, snapshot: id, parts });
        const index_sha256 = sha256(index);
        const sealed = Buffer.from(await sealSummary(opened, id, said)).toString("base64");
        const [now_seen] = await allDone([
          lease.assertHeld().then(() => currentHistory(history)),
          contentOf(opened, epoch).then((content) => refuseLost(parts, content)),
          storage.create(indexKey(epoch, index_sha256), index, signal),
        ]);
        refuseAfterPrune(opened, history, now_seen, parts, base);
        const counters = [
          now_seen.pointer?.pruned_to ?? 0,
          now_seen.pointer?.newest?.counter ?? 0,
          opened.counter_seen,
          ...now_seen.manifests.map(({ ref }) => ref.counter),
        ];
        const { config } = opened.configuration;
        const manifest: Manifest = {
          format: 1,
          repository: config.repository,
          snapshot: id,
          counter: Math.max(...counters) + 1,
          previous: now_seen.heads,
          epoch,
          started_at: new Date(started_ms).toISOString(),
          finished_at: new Date(now()).toISOString(),
          tool: options.tool,
          tags: [...(options.tags ?? [])],
          config: { revision: config.revision, sha256: opened.configuration.sha256 },
          pointer_revision: now_seen.pointer?.revision ?? 0,
          index: { object: indexKey(epoch, index_sha256), sha256: index_sha256, bytes: index.byteLength },
          parts: parts.length,
          bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
          plain_bytes: parts.reduce((sum, part) => sum + part.plain_bytes, 0),
          new_bytes: store.written.bytes,
          body: bodyPart.id,
          summary: sealed,
        };
        const object = signJson("manifest", manifest, seed);
        const key = manifestKey(epoch, Date.parse(manifest.finished_at), id);
        await storage.create(key, object, signal);

        const ref: ManifestRef = { snapshot: id, counter: manifest.counter, manifest: key, sha256: sha256(object) };
        const change = (pointer: Omit<Pointer, "revision">) => ({
          ...pointer,
          newest: newerOf(pointer.newest, ref),
          // Begun beside the one that the last prune took for the highest: it must not look as if it had been pruned.
          kept: isKept(pointer, ref) ? pointer.kept : [...pointer.kept, ref],
          // Each part was seen at its size just now.
          verified: [...pointer.verified, { snapshot: id, level: "structure" as const, at: manifest.finished_at }],
        });
        const [after, committed] = await allDone([
          updatePointer(opened, seed, deps.manifests, change, now_seen),
          readManifest(opened, key),
        ]);
        deps.manifests.set(key, committed);
        for (const checkpoint of store.spentCheckpoints()) await storage.remove(checkpoint, signal);
        await lease.release();
        return deps.infoOf(committed, after);
      },

      abandon: () => lease.release(),
    };
  } catch (error) {
    await lease.release();
    throw error;
  }
}

const isKept = (
  { pruned_to, kept }: Pick<Pointer, "pruned_to" | "kept">,
  { counter, snapshot }: ManifestRef,
): boolean => counter > pruned_to || kept.some((other) => other.snapshot === snapshot);

/** Every part of the snapshot is in the storage, whole in size: one listing, no reading. */
function refuseLost(parts: readonly StoredPart[], content: EpochContent): void {
  const lost = parts.find((part) => !isThere(content, part));
  if (lost === undefined) return;
  const bytes = content.sizes.get(objectOf(lost));
  const cause =
    bytes === undefined || bytes === lost.bytes
      ? "it was written, but it or its content key is not there"
      : `it has ${bytes} of ${lost.bytes} bytes`;
  throw new OpsError({
    op: "commit snapshot with part",
    subject: objectOf(lost),
    cause,
    hint: "repeat the backup; if it happens again, do not trust this storage",
  });
}

/** A prune that ran all the same (this process was taken for dead) may have removed what this snapshot relies on. */
function refuseAfterPrune(
  opened: Opened,
  before: History,
  after: History,
  parts: readonly StoredPart[],
  base: IndexedSnapshot | null,
): void {
  const pruned = (after.pointer?.pruned_to ?? 0) !== (before.pointer?.pruned_to ?? 0);
  const relies = base !== null && parts.some(({ id }) => base.stored.has(id));
  if (!pruned || !relies || after.manifests.some(({ ref }) => ref.snapshot === base.info.id)) return;
  throw refusal({
    op: "commit snapshot to",
    subject: opened.storage.location,
    cause: `snapshot ${base.info.id}, on which this one builds, was pruned meanwhile`,
    hint: "repeat the backup: what was written is found again",
  });
}
