/** What nothing needs any more. Pure. */
import { UNREFERENCED_KEEP_MS } from "../../limits.ts";
import type { StoredObject } from "../../storage/storage.ts";
import { configsOf, contentKeyKey, EPOCHS } from "./layout.ts";
import { type IndexedSnapshot, objectOf } from "./snapshot-index.ts";

interface GarbageQuestion {
  /** Everything under `epoch/`. */
  objects: readonly StoredObject[];
  kept: readonly IndexedSnapshot[];
  /** Keys that snapshots referred to which are gone or go now. */
  given_up: ReadonlySet<string>;
  /** Epochs in which a backup is running: what it has written is referred to by nothing yet. */
  busy: ReadonlySet<string>;
  /** By the storage's clock. */
  now_ms: number;
}

/** Every object that a snapshot refers to, its manifest included. */
export function referencesOf({ manifest: { ref, manifest }, stored }: IndexedSnapshot): string[] {
  const parts = [...stored.values()].flatMap((part) => [objectOf(part), contentKeyKey(part.epoch, part.content_key)]);
  return [ref.manifest, manifest.index.object, ...parts];
}

/** Objects to remove, indexes last: as long as an index is there, an interrupted removal can be told from an interrupted backup. */
export function garbage({ objects, kept, given_up, busy, now_ms }: GarbageQuestion): StoredObject[] {
  const needed = new Set(kept.flatMap(referencesOf));
  const epochs = kept.map(({ manifest }) => manifest.manifest.epoch).sort();
  const newest = epochs.at(-1) ?? "";
  const found = objects.filter(({ key, modified_ms }) => {
    const epoch = key.slice(EPOCHS.length).split("/")[0] ?? "";
    if (needed.has(key) || busy.has(epoch) || epoch > newest) return false;
    if (key.startsWith(configsOf(epoch))) return !epochs.includes(epoch);
    return given_up.has(key) || now_ms - modified_ms > UNREFERENCED_KEEP_MS;
  });
  const isIndex = ({ key }: StoredObject): boolean => key.includes("/index/");
  return [...found.filter((object) => !isIndex(object)), ...found.filter(isIndex)];
}
