/** Opening a repository: everything in `repository.ts` put together over a storage and a key. */
import { patientStorage } from "../../storage/patient-storage.ts";
import { isFailure, type Storage, sizesUnder } from "../../storage/storage.ts";
import { loadConfiguration, repositoryIdentities, signersOf, writerSecret } from "./configuration.ts";
import { contentKeyReader } from "./content-keys.ts";
import { DamagedObject, refused } from "./damage.ts";
import { type History, type KnownManifest, manifestObjects, neverHere, readHistory } from "./history.ts";
import type { BackupKey } from "./key-file.ts";
import { epochsIn, partsOf } from "./layout.ts";
import { otherLeases, refuseBesidePrune, takeLease } from "./leases.ts";
import { metadataKeys } from "./metadata.ts";
import type { Opened } from "./opened.ts";
import type { EpochContent } from "./part-store.ts";
import { signerSeed, updatePointer } from "./pointer.ts";
import { planPrune, prune } from "./prune.ts";
import type { Lease, Repository, RepositoryOptions, SnapshotInfo, VerifyReport } from "./repository.ts";
import { signingKey } from "./signed.ts";
import { type IndexedSnapshot, objectOf, readIndexed } from "./snapshot-index.ts";
import { type VerifyOptions, verify } from "./verify.ts";
import { beginSnapshot } from "./writer.ts";

/**
 * `storage` is made patient here. Reads the configuration and proves it with the key.
 * @throws OpsError: no repository, a foreign one, a newer format, a key that is none of its keys.
 */
export async function openRepository(
  storage: Storage,
  key: BackupKey,
  options: RepositoryOptions = {},
): Promise<Repository> {
  const closing = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, closing.signal]) : closing.signal;
  const patient = patientStorage(storage, options.patience);
  const epochs = epochsIn(patient, signal);
  let listed: ReturnType<typeof manifestObjects> | undefined = manifestObjects(patient, signal, epochs);
  // Whoever asks for the history awaits it; until then its failure is nobody's.
  listed.catch(() => {});
  const configuration = await loadConfiguration(patient, key, signal, epochs);
  const { config } = configuration;
  const identities = await repositoryIdentities(config, key);
  const warnings = new Set(configuration.warnings);
  const opened: Opened = {
    storage: patient,
    signal,
    now: options.now ?? Date.now,
    key,
    configuration,
    identities,
    metadata: metadataKeys(await writerSecret(config, key, identities), config.repository),
    counter_seen: options.counter_seen ?? 0,
    warn: (text) => warnings.add(text),
  };
  const public_signer = key.signer_seed === undefined ? null : signingKey(key.signer_seed).public;
  const signer = public_signer !== null && signersOf(config).includes(public_signer) ? public_signer : null;
  const manifests = new Map<string, KnownManifest>();
  const contentKeys = contentKeyReader(opened);
  const leases = new Set<Lease>();

  const history = async (): Promise<History> => {
    const reading = readHistory(opened, manifests, listed);
    listed = undefined;
    const found = await reading;
    for (const { object, cause } of found.findings) opened.warn(`${object} ${cause}`);
    return found;
  };
  let under_way: Promise<History> | null = null;
  /** The one that is being read already, if one is: for whoever asks what there is, not what has become of it. */
  const soonest = (): Promise<History> => {
    under_way ??= history().finally(() => {
      under_way = null;
    });
    return under_way;
  };

  let last: { manifest: string; indexed: Promise<IndexedSnapshot> } | null = null;
  /** An index never changes: that of the last snapshot that was asked for is kept. */
  const indexed = async (known: KnownManifest, within: History): Promise<IndexedSnapshot> => {
    const { manifest } = known.ref;
    const info = infoOf(known, within);
    if (last?.manifest !== manifest) last = { manifest, indexed: readIndexed(opened, contentKeys, known, info) };
    const mine = last;
    mine.indexed.catch(() => {
      if (last === mine) last = null;
    });
    return { ...(await mine.indexed), info };
  };

  const newestWhole = async (
    within: History,
    among: ReadonlySet<string>,
    { epoch, sizes }: EpochContent,
  ): Promise<IndexedSnapshot | null> => {
    for (const known of within.manifests.filter(({ ref }) => among.has(ref.snapshot))) {
      try {
        const snapshot = await indexed(known, within);
        const parts = [...snapshot.stored.values()];
        const others = [...new Set(parts.map((part) => part.epoch))].filter((other) => other !== epoch);
        const there = [
          sizes,
          ...(await Promise.all(others.map((other) => sizesUnder(patient, partsOf(other), signal)))),
        ];
        const lost = parts.find((part) => !there.some((found) => found.get(objectOf(part)) === part.bytes));
        if (lost === undefined) return snapshot;
        opened.warn(`${objectOf(lost)} is missing or cut off: snapshot ${known.ref.snapshot} is not built upon`);
      } catch (error) {
        if (!(error instanceof DamagedObject)) throw error;
        opened.warn(`${error.message}: snapshot ${known.ref.snapshot} is not built upon`);
      }
    }
    return null;
  };

  const verifyAll = async (check: VerifyOptions): Promise<VerifyReport> => {
    // What is remembered was right when it was read; a check reads it again.
    manifests.clear();
    const found = await history();
    const only = check.only === undefined ? {} : { only: choose(opened, found, check.only).ref.snapshot };
    const fresh = contentKeyReader(opened);
    const read = (known: KnownManifest) => readIndexed(opened, fresh, known, infoOf(known, found));
    return await verify({ opened, contentKeys: fresh, history: found, indexed: read }, { ...check, ...only });
  };

  return {
    id: config.repository,
    location: storage.location,
    can: { read: identities !== null, write: signer !== null, administer: key.root_seed !== undefined },
    get counter_seen() {
      return Math.max(opened.counter_seen, ...[...manifests.values()].map(({ ref }) => ref.counter));
    },
    get warnings() {
      return [...warnings];
    },

    async beginSnapshot(begin) {
      const seed = signerSeed(opened, signer);
      return await beginSnapshot({ opened, seed, manifests, soonest, history, newestWhole, infoOf }, begin);
    },

    async listSnapshots() {
      const found = await history();
      return found.manifests.map((known) => infoOf(known, found));
    },

    neverHere: async (place) => await neverHere(opened, await history(), place),

    async size() {
      const sizes = [...(await sizesUnder(patient, "", signal)).values()];
      return { objects: sizes.length, bytes: sizes.reduce((sum, bytes) => sum + bytes, 0) };
    },

    async openNewest() {
      const found = await soonest();
      const [newest] = found.manifests;
      return newest === undefined ? null : await indexed(newest, found);
    },

    async openSnapshot(id) {
      const found = await history();
      return await indexed(choose(opened, found, id), found);
    },

    verifyStructure: () => verifyAll({ percent: 0, random: Math.random, on_progress: () => {} }),

    verifyData: (percent, { only, random = Math.random, on_progress = () => {} } = {}) =>
      verifyAll({ percent, random, on_progress, ...(only === undefined ? {} : { only }) }),

    async recordVerification(id, level) {
      const snapshot = choose(opened, await history(), id).ref.snapshot;
      const at = new Date(opened.now()).toISOString();
      await updatePointer(opened, signerSeed(opened, signer), manifests, (pointer) => {
        const others = pointer.verified.filter((mark) => mark.snapshot !== snapshot || mark.level !== level);
        return { ...pointer, verified: [...others, { snapshot, level, at }] };
      });
    },

    async withdrawVerification(id) {
      const snapshot = choose(opened, await history(), id).ref.snapshot;
      await updatePointer(opened, signerSeed(opened, signer), manifests, (pointer) => ({
        ...pointer,
        verified: pointer.verified.filter((mark) => mark.snapshot !== snapshot),
      }));
    },

    async leaseForRestore(snapshots) {
      let lease: Awaited<ReturnType<typeof takeLease>>;
      try {
        lease = await takeLease(opened, { kind: "restore", snapshots: [...snapshots], epochs: [] });
      } catch (error) {
        if (!isFailure(error, "denied", "full")) throw error;
        opened.warn(`no lease can be written (${error.parts.cause}): see that nobody prunes while this is read`);
        return { id: "none", lost: new AbortController().signal, release: async () => {} };
      }
      try {
        refuseBesidePrune(await otherLeases(opened, lease), "restore from", storage.location);
        leases.add(lease);
        return lease;
      } catch (error) {
        await lease.release();
        throw error;
      }
    },

    planPrune: (keep) => planPrune({ opened, manifests, history, indexed }, keep),
    prune: async (plan) => prune({ opened, manifests, history, indexed }, plan, signerSeed(opened, signer)),

    async close() {
      for (const lease of leases) await lease.release();
      closing.abort(new DOMException("the repository was closed", "AbortError"));
    },
  };
}

const LEVELS = ["structure", "data", "restore"];

function infoOf({ ref, manifest, signer }: KnownManifest, { pointer }: History): SnapshotInfo {
  const marks = (pointer?.verified ?? [])
    .filter(({ snapshot }) => snapshot === ref.snapshot)
    .sort((a, b) => LEVELS.indexOf(b.level) - LEVELS.indexOf(a.level));
  const best = marks[0];
  return {
    id: ref.snapshot,
    counter: ref.counter,
    epoch: manifest.epoch,
    started_ms: Date.parse(manifest.started_at),
    finished_ms: Date.parse(manifest.finished_at),
    tool: manifest.tool,
    tags: manifest.tags,
    signer,
    parts: manifest.parts,
    bytes: manifest.bytes,
    plain_bytes: manifest.plain_bytes,
    new_bytes: manifest.new_bytes,
    verified: best ? { level: best.level, at_ms: Date.parse(best.at) } : null,
  };
}

function choose(opened: Opened, { manifests, findings }: History, id: string): KnownManifest {
  const { location } = opened.storage;
  if (id === "latest") {
    const damaged = findings.find(({ severity, snapshots }) => severity === "damage" && snapshots.length > 0);
    const rolledBack = findings.find(({ reason }) => reason === "rolled-back");
    const finding = rolledBack ?? damaged;
    if (finding) {
      const hint = `${finding.hint}; one that is whole is asked for by its id`;
      const cause = `${finding.cause}: which snapshot is the latest is not certain`;
      throw new DamagedObject(finding.object, cause, hint, { reason: finding.reason });
    }
    const newest = manifests[0];
    if (newest) return newest;
    throw refused("open snapshot of", location, "there is none yet", "npm run ops -- backup create");
  }
  const found = manifests.filter(({ ref }) => ref.snapshot.startsWith(id));
  const [only] = found;
  if (only && found.length === 1) return only;
  const lost = findings.find(({ snapshots }) => snapshots.some((snapshot) => snapshot.startsWith(id)));
  if (lost) throw new DamagedObject(lost.object, lost.cause, lost.hint);
  const cause = only ? `${found.length} snapshots begin with ${id}` : `there is no snapshot ${id}`;
  throw refused("open snapshot of", location, cause, "list them: npm run ops -- backup list");
}
