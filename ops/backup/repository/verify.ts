/** Checks of a whole repository: every object that a snapshot needs is there, is the right one, and is what was written. */
import pMap from "p-map";
import { REPOSITORY_READERS } from "../../limits.ts";
import { sizesUnder } from "../../storage/storage.ts";
import { problemOfConfiguration } from "./configuration.ts";
import { type contentKeyReader, readContentKeyObject } from "./content-keys.ts";
import { DamagedObject, HINTS } from "./damage.ts";
import { damage, type History, type KnownManifest } from "./history.ts";
import { CONFIG, configCopyKey, configsOf, contentKeyKey, EPOCHS } from "./layout.ts";
import type { StoredPart } from "./manifest.ts";
import type { Opened } from "./opened.ts";
import type { Finding, VerifyReport } from "./repository.ts";
import { type IndexedSnapshot, objectOf, readPartContent, readPartObject } from "./snapshot-index.ts";

interface VerifyDeps {
  opened: Opened;
  contentKeys: ReturnType<typeof contentKeyReader>;
  history: History;
  indexed: (known: KnownManifest) => Promise<IndexedSnapshot>;
}

export interface VerifyOptions {
  /** Share of each snapshot's parts that is read, 0-100. */
  percent: number;
  /** Id of one snapshot; without it all, and with them the repository as a whole. */
  only?: string;
  random: () => number;
  on_progress: (done: number, total: number) => void;
}

export async function verify(deps: VerifyDeps, options: VerifyOptions): Promise<VerifyReport> {
  const { opened, history } = deps;
  const sizes = await sizesUnder(opened.storage, EPOCHS, opened.signal);
  const chosen = history.manifests.filter(({ ref }) => options.only === undefined || ref.snapshot === options.only);
  const ledger = findingLedger();
  const concerned = (finding: Finding): boolean =>
    options.only === undefined || finding.snapshots.length === 0 || finding.snapshots.includes(options.only);
  for (const finding of history.findings.filter(concerned)) ledger.add(finding);

  const parts = new Map<string, StoredPart>();
  /** Snapshots that need an object. */
  const needs = new Map<string, string[]>();
  const need = (object: string, snapshot: string): void => {
    needs.set(object, [...(needs.get(object) ?? []), snapshot]);
  };
  const contentKeys = new Map<string, { epoch: string; id: string }>();
  const toRead = new Set<string>();
  for (const known of chosen) {
    const { snapshot, manifest } = known.ref;
    need(manifest, snapshot);
    need(known.manifest.index.object, snapshot);
    const indexed = await ledger.collect([snapshot], () => deps.indexed(known));
    if (indexed === undefined) continue;
    const stored = [...indexed.stored.values()];
    for (const part of stored) {
      parts.set(objectOf(part), part);
      need(objectOf(part), snapshot);
      const key = contentKeyKey(part.epoch, part.content_key);
      contentKeys.set(key, { epoch: part.epoch, id: part.content_key });
      need(key, snapshot);
    }
    for (const part of sample(stored, options.percent, options.random)) toRead.add(objectOf(part));
  }

  for (const [object, part] of parts) {
    const bytes = sizes.get(object);
    if (bytes === part.bytes) continue;
    const cause = bytes === undefined ? "is missing" : `has ${bytes} of ${part.bytes} bytes`;
    ledger.add({ severity: "damage", object, cause, hint: HINTS.damaged, snapshots: needs.get(object) ?? [] });
    toRead.delete(object);
  }
  await pMap(
    contentKeys,
    ([object, { epoch, id }]) =>
      ledger.collect(needs.get(object) ?? [], async () =>
        opened.identities ? await deps.contentKeys(epoch, id) : await readContentKeyObject(opened, epoch, id),
      ),
    { concurrency: REPOSITORY_READERS },
  );
  if (options.only === undefined) await verifyConfiguration(deps, sizes, ledger.add);

  let parts_read = 0;
  let bytes_read = 0;
  await pMap(
    toRead,
    async (object) => {
      const part = parts.get(object);
      if (part === undefined) return;
      await ledger.collect(needs.get(object) ?? [], async () => {
        if (opened.identities) await readPartContent(opened, deps.contentKeys, part);
        else await readPartObject(opened, part);
      });
      parts_read += 1;
      bytes_read += part.bytes;
      options.on_progress(parts_read, toRead.size);
    },
    { concurrency: REPOSITORY_READERS },
  );
  const unreferenced = [...sizes.keys()].filter((key) => !needs.has(key) && !isConfigCopy(key)).length;
  return {
    snapshots: chosen.length,
    objects: needs.size,
    bytes_read,
    parts_read,
    unreferenced: options.only === undefined ? unreferenced : 0,
    findings: ledger.findings(),
  };
}

/**
 * The configuration that each snapshot was made under lies in its epoch, and the one of today in the newest; all of them as
 * the root signed them.
 */
async function verifyConfiguration(
  { opened, history }: VerifyDeps,
  sizes: ReadonlyMap<string, number>,
  add: (finding: Finding) => void,
): Promise<void> {
  const { config, sha256, warnings } = opened.configuration;
  for (const cause of warnings) {
    add({ severity: "damage", object: CONFIG, cause, hint: HINTS.written_anew, snapshots: [] });
  }
  const epochs = history.manifests.map(({ manifest }) => manifest.epoch).sort();
  const newest = epochs.at(-1);
  const wanted = history.manifests.map(({ manifest }) =>
    configCopyKey(manifest.epoch, manifest.config.revision, manifest.config.sha256),
  );
  if (newest !== undefined) wanted.push(configCopyKey(newest, config.revision, sha256));
  const hint = "the configuration itself is whole: this was its copy, for the day when it is not";
  for (const object of new Set(wanted)) {
    if (!sizes.has(object)) add({ severity: "damage", object, cause: "is missing", hint, snapshots: [] });
  }
  for (const object of [...sizes.keys()].filter(isConfigCopy)) {
    const { body } = await opened.storage.read(object, opened.signal);
    const cause = problemOfConfiguration(object, body, opened.key);
    if (cause !== null) add({ severity: "damage", object, cause, hint, snapshots: [] });
  }
}

const isConfigCopy = (key: string): boolean => key.startsWith(configsOf(key.slice(EPOCHS.length).split("/")[0] ?? ""));

/** At least one, when any is asked for. */
function sample(parts: readonly StoredPart[], percent: number, random: () => number): StoredPart[] {
  if (percent >= 100) return [...parts];
  const count = Math.min(parts.length, Math.ceil((parts.length * percent) / 100));
  const pool = [...parts];
  for (let at = 0; at < count; at += 1) {
    const other = at + Math.floor(random() * (pool.length - at));
    const [a, b] = [pool[at], pool[other]];
    if (a && b) [pool[at], pool[other]] = [b, a];
  }
  return pool.slice(0, count);
}

/** One finding per object and cause, however many snapshots it hurts. */
function findingLedger() {
  const found = new Map<string, Finding>();
  const add = (finding: Finding): void => {
    const name = `${finding.object}\n${finding.cause}`;
    const before = found.get(name);
    const snapshots = [...new Set([...(before?.snapshots ?? []), ...finding.snapshots])];
    found.set(name, { ...finding, snapshots });
  };
  return {
    add,
    findings: () => [...found.values()],
    /** Undefined, and a finding, when the work meets damage. */
    async collect<T>(snapshots: readonly string[], work: () => Promise<T>): Promise<T | undefined> {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof DamagedObject)) throw error;
        add(damage(error, [...snapshots]));
        return undefined;
      }
    },
  };
}
