/**
 * Which snapshots there are: the manifests in the epochs, held against each other and against the pointer.
 *
 * Every manifest names those that were newest before it, with their hashes, so one that is taken away is missed by its
 * successor; the newest one is missed by the pointer. What neither can show is in `docs/backup-format.md`.
 */
import pMap from "p-map";
import { REPOSITORY_READERS } from "../../limits.ts";
import { absent, listUnder, type Storage, type StoredObject } from "../../storage/storage.ts";
import { signersOf } from "./configuration.ts";
import { DamagedObject, HINTS } from "./damage.ts";
import { CONFIG, epochsIn, manifestKey, manifestsOf, POINTER } from "./layout.ts";
import { Manifest, type ManifestRef, Pointer } from "./manifest.ts";
import { sha256 } from "./metadata.ts";
import { type Checked, type Opened, readChecked } from "./opened.ts";
import type { Finding } from "./repository.ts";
import { verifyJson } from "./signed.ts";

export interface KnownManifest {
  ref: ManifestRef;
  manifest: Manifest;
  signer: string;
  bytes: number;
}

export interface History {
  /** Whole manifests, newest first. */
  manifests: KnownManifest[];
  /** Manifests that nobody follows. */
  heads: ManifestRef[];
  pointer: Pointer | null;
  /** Of the pointer's object; null when there is none. */
  pointer_etag: string | null;
  findings: Finding[];
}

/**
 * Names of manifests, however a place that knows no case gave them back. What is called otherwise (a copy that an editor, a sync or a person
 * left there) is none, and must not make it uncertain which snapshot is the newest.
 */
const MANIFEST = /\/\d{8}T\d{6}Z-[0-9a-f]+$/i;

/** Whatever lies where manifests lie, under a name of theirs. `epochs`: those that there are. */
export async function manifestObjects(
  storage: Storage,
  signal: AbortSignal,
  epochs = epochsIn(storage, signal),
): Promise<StoredObject[]> {
  const read = (epoch: string) => listUnder(storage, manifestsOf(epoch), signal);
  const found = await pMap(await epochs, read, { concurrency: REPOSITORY_READERS });
  return found.flat().filter(({ key }) => MANIFEST.test(key));
}

/**
 * Ids of the snapshots that lie in another place of this repository and never were in this one: they are not here, and it does not follow
 * from the last prune that they have been.
 */
export async function neverHere(opened: Opened, { pointer }: History, place: Storage): Promise<string[]> {
  const { storage, signal, configuration } = opened;
  const here = new Set((await manifestObjects(storage, signal)).map(({ key }) => key));
  const strange = (await manifestObjects(place, signal)).filter(({ key }) => !here.has(key));
  const signers = [...signersOf(configuration.config), ...configuration.config.retired.map(({ signer }) => signer)];
  const ids = await pMap(
    strange,
    async ({ key }) => {
      const verified = verifyJson("manifest", (await place.read(key, signal)).body, signers, Manifest);
      const wasPruned = "payload" in verified && verified.payload.counter <= (pointer?.pruned_to ?? 0);
      return wasPruned ? [] : [key.slice(key.lastIndexOf("-") + 1)];
    },
    { concurrency: REPOSITORY_READERS },
  );
  return ids.flat();
}

/** `cache` keeps manifests, which never change, between two readings. `listed`: what `manifestObjects` found before. */
export async function readHistory(
  opened: Opened,
  cache: Map<string, KnownManifest>,
  listed = manifestObjects(opened.storage, opened.signal),
): Promise<History> {
  const found = await readOnce(opened, cache, listed);
  // Manifests and pointer are not read in one moment: what another machine did between the two looks like a loss once, but not again.
  const isOdd = found.findings.some(({ severity, object }) => severity === "damage" || object === POINTER);
  return isOdd ? await readOnce(opened, cache, manifestObjects(opened.storage, opened.signal)) : found;
}

/** Whether the pointer is still the one of `history`: nobody has finished a snapshot, a check or a prune, or begun to remove, since. */
export async function isCurrent({ storage, signal }: Opened, { pointer_etag }: History): Promise<boolean> {
  return (await storage.look(POINTER, signal).catch(absent))?.etag === (pointer_etag ?? undefined);
}

async function readOnce(
  opened: Opened,
  cache: Map<string, KnownManifest>,
  listed: Promise<StoredObject[]>,
): Promise<History> {
  const findings: Finding[] = [];
  const reading = readPointer(opened, findings);
  // Awaited below; until then its failure is nobody's.
  reading.catch(() => {});
  const keys = (await listed).map(({ key }) => key);
  const manifests: KnownManifest[] = [];
  /** Hashes of manifests that a retired writer signed and nobody vouches for, by key. */
  const distrusted = new Map<string, string>();
  await pMap(
    keys,
    async (key) => {
      try {
        const { retired, ...known }: ReadManifest = cache.get(key) ?? (await readManifest(opened, key));
        if (retired === undefined) {
          cache.set(key, known);
          manifests.push(known);
          return;
        }
        distrusted.set(key, known.ref.sha256);
        const snapshots = [known.ref.snapshot];
        findings.push({ ...afterRetirement(retired), severity: "notice", object: key, snapshots });
      } catch (error) {
        if (!(error instanceof DamagedObject)) throw error;
        findings.push(damage(error, [key.slice(key.lastIndexOf("-") + 1)]));
      }
    },
    { concurrency: REPOSITORY_READERS },
  );
  manifests.sort((a, b) => b.ref.counter - a.ref.counter || (a.ref.manifest < b.ref.manifest ? 1 : -1));
  const { pointer, etag } = await reading;
  findings.push(...compare(manifests, { keys: new Set(keys), distrusted }, { pointer, exists: etag !== null }, opened));
  const followed = new Set(manifests.flatMap(({ manifest }) => manifest.previous.map(({ snapshot }) => snapshot)));
  const heads = manifests.map(({ ref }) => ref).filter(({ snapshot }) => !followed.has(snapshot));
  return { manifests, heads, pointer, pointer_etag: etag, findings };
}

/** `retired`: it is whole, and of a writer whose signature counts no more. */
type ReadManifest = KnownManifest & { retired?: Retired };

/** @throws DamagedObject */
export async function readManifest(opened: Opened, key: string): Promise<ReadManifest> {
  const { config } = opened.configuration;
  const signers = [...signersOf(config), ...config.retired.map(({ signer }) => signer)];
  const { value, body } = await readChecked(opened, key, (bytes): Checked<Omit<ReadManifest, "ref" | "bytes">> => {
    const verified = verifyJson("manifest", bytes, signers, Manifest);
    if ("problem" in verified) return { ...verified, forged: verified.broken !== true };
    const { payload: manifest, signer } = verified;
    const retired = config.retired.find((writer) => writer.signer === signer);
    if (manifest.repository !== config.repository) return { problem: `belongs to repository ${manifest.repository}` };
    if (manifestKey(manifest.epoch, Date.parse(manifest.finished_at), manifest.snapshot) !== key) {
      return { problem: `is the manifest of snapshot ${manifest.snapshot}, put in another one's place`, forged: true };
    }
    return {
      value: {
        ...(retired && !isAccepted(retired, bytes) && { retired }),
        manifest,
        signer: (retired ?? config.writers.find((writer) => writer.signer === signer))?.name ?? signer,
      },
    };
  });
  const { snapshot, counter } = value.manifest;
  return { ...value, ref: { snapshot, counter, manifest: key, sha256: sha256(body) }, bytes: body.byteLength };
}

type Retired = Opened["configuration"]["config"]["retired"][number];

const isAccepted = ({ accepted }: Retired, bytes: Uint8Array): boolean => accepted.includes(sha256(bytes));

const afterRetirement = ({ name }: Retired) => ({
  cause: `was signed by ${name}, whose key is retired`,
  hint: "it counts for nothing; a prune removes it when it is old enough and no lock holds it",
});

async function readPointer(
  opened: Opened,
  findings: Finding[],
): Promise<{ pointer: Pointer | null; etag: string | null }> {
  const { config } = opened.configuration;
  // A retired writer may have been the last to write it before it was removed.
  const signers = [...signersOf(config), ...config.retired.map(({ signer }) => signer)];
  try {
    const { value, etag } = await readChecked(opened, POINTER, (bytes): Checked<Pointer> => {
      const verified = verifyJson("pointer", bytes, signers, Pointer);
      if ("problem" in verified) return { ...verified, forged: verified.broken !== true };
      if (verified.payload.repository !== config.repository) return { problem: "belongs to another repository" };
      const retired = config.retired.find((writer) => writer.signer === verified.signer);
      if (retired && !isAccepted(retired, bytes)) return { problem: afterRetirement(retired).cause, forged: true };
      return { value: verified.payload };
    });
    return { pointer: value, etag };
  } catch (error) {
    if (!(error instanceof DamagedObject)) throw error;
    const there = await opened.storage.look(POINTER, opened.signal).catch(absent);
    if (there !== undefined) {
      const found = damage(error, []);
      findings.push(found.hint === HINTS.damaged ? { ...found, hint: HINTS.written_anew } : found);
    }
    return { pointer: null, etag: there?.etag ?? null };
  }
}

/** Pure. What the manifests and the pointer say about each other. */
function compare(
  manifests: readonly KnownManifest[],
  { keys, distrusted }: { keys: ReadonlySet<string>; distrusted: ReadonlyMap<string, string> },
  { pointer, exists }: { pointer: Pointer | null; exists: boolean },
  { counter_seen, configuration: { config } }: Pick<Opened, "counter_seen" | "configuration">,
): Finding[] {
  const findings: Finding[] = [];
  const kept = new Set(pointer?.kept.map(({ snapshot }) => snapshot));
  const wasPruned = ({ counter, snapshot }: ManifestRef): boolean =>
    counter <= (pointer?.pruned_to ?? 0) && !kept.has(snapshot);
  const expected = [
    ...manifests.flatMap(({ manifest }) => manifest.previous),
    ...(pointer?.newest ? [pointer.newest] : []),
    ...(pointer?.kept ?? []),
  ];
  const byKey = new Map(manifests.map((known) => [known.ref.manifest, known]));
  const missing = new Map<string, ManifestRef>();
  for (const ref of expected) {
    const known = byKey.get(ref.manifest);
    if ((known?.ref.sha256 ?? distrusted.get(ref.manifest) ?? ref.sha256) !== ref.sha256)
      missing.set(ref.manifest, ref);
    if (!keys.has(ref.manifest) && !wasPruned(ref)) missing.set(ref.manifest, ref);
  }
  for (const { manifest, counter, snapshot } of missing.values()) {
    const cause = keys.has(manifest)
      ? "is not the one that others name"
      : `is missing: snapshot number ${counter} was removed`;
    // Without a pointer nobody knows what was pruned.
    const severity = pointer === null && !keys.has(manifest) ? "notice" : "damage";
    findings.push({ severity, object: manifest, cause, hint: HINTS.damaged, snapshots: [snapshot] });
  }
  const about = (severity: Finding["severity"], cause: string, hint: string): void => {
    findings.push({ severity, object: POINTER, cause, hint, snapshots: [] });
  };
  const newest = manifests[0];
  const highest = Math.max(newest?.ref.counter ?? 0, pointer?.newest?.counter ?? 0);
  const pointer_revision = Math.max(0, ...manifests.map(({ manifest }) => manifest.pointer_revision));
  if (!exists && newest) {
    if (pointer_revision > 0) about("damage", "is missing", HINTS.written_anew);
    else about("notice", "is missing; the first backup was interrupted at its end", HINTS.written_anew);
  }
  if (pointer && pointer.revision < pointer_revision) {
    about("damage", `is an old one (revision ${pointer.revision}, there was ${pointer_revision})`, HINTS.written_anew);
  } else if (pointer && newest && (pointer.newest?.counter ?? 0) < newest.ref.counter) {
    about(
      "notice",
      "is older than the newest manifest: a backup was interrupted at its end, or an old one was put back",
      HINTS.written_anew,
    );
  }
  const config_revision = Math.max(0, ...manifests.map(({ manifest }) => manifest.config.revision));
  if (config_revision > config.revision) {
    const cause = `is an old one (revision ${config.revision}, snapshots were made under ${config_revision})`;
    findings.push({ severity: "damage", object: CONFIG, cause, hint: HINTS.forged, snapshots: [] });
  }
  if (highest < counter_seen) {
    const cause = `the newest snapshot is number ${highest}, but this machine has seen number ${counter_seen}: the repository was rolled back`;
    const reason = "rolled-back";
    findings.push({ severity: "damage", object: POINTER, cause, hint: HINTS.forged, reason, snapshots: [] });
  }
  return findings;
}

export function damage(error: DamagedObject, snapshots: string[]): Finding {
  const { cause, hint } = error.parts;
  return { severity: "damage", object: error.object, cause, hint, snapshots };
}
