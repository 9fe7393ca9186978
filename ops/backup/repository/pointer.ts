/** The pointer's changes: read, change, replace, and again when another machine was faster. */
import { isFailure } from "../../storage/storage.ts";
import { refused } from "./damage.ts";
import { type History, type KnownManifest, readHistory } from "./history.ts";
import { POINTER } from "./layout.ts";
import type { ManifestRef, Pointer } from "./manifest.ts";
import type { Opened } from "./opened.ts";
import { signJson } from "./signed.ts";

/** Two machines seldom meet here; twenty never do. */
const TRIES_MAX = 20;

/** @throws OpsError when the key at hand does not sign. */
export function signerSeed({ key, configuration, storage }: Opened, signer: string | null): string {
  if (key.signer_seed !== undefined && signer !== null) return key.signer_seed;
  const cause =
    key.signer_seed === undefined
      ? `key ${key.name} does not sign`
      : `the signer of key ${key.name} is not, or no longer, one of its writers`;
  const names = configuration.config.writers.map(({ name }) => name).join(", ");
  throw refused("write to", storage.location, cause, `give the key file of a writer (${names})`);
}

/**
 * Writes what `change` makes of the pointer; a lost or damaged one is begun anew from what is there. Returns the history with it. `seen`: the
 * history as it was read a moment ago, good for as long as nobody else writes the pointer.
 */
export async function updatePointer(
  opened: Opened,
  seed: string,
  cache: Map<string, KnownManifest>,
  change: (pointer: Omit<Pointer, "revision">, history: History) => Omit<Pointer, "revision">,
  seen?: History,
): Promise<History> {
  for (let tries = 1; ; tries += 1) {
    const history = tries === 1 && seen ? seen : await readHistory(opened, cache);
    const before = history.pointer ?? fromManifests(opened, history);
    const revisions = history.manifests.map(({ manifest }) => manifest.pointer_revision);
    const revision = Math.max(history.pointer?.revision ?? 0, ...revisions) + 1;
    const pointer: Pointer = { ...change(before, history), revision };
    try {
      const signed = signJson("pointer", pointer, seed);
      const pointer_etag = await opened.storage.replace(POINTER, signed, history.pointer_etag, opened.signal);
      return { ...history, pointer, pointer_etag };
    } catch (error) {
      if (!isFailure(error, "changed") || tries === TRIES_MAX) throw error;
    }
  }
}

/** The newer of two. */
export const newerOf = (a: ManifestRef | null, b: ManifestRef): ManifestRef => (a && a.counter > b.counter ? a : b);

/** Takes what is there for what should be: what was pruned before is no longer known. */
function fromManifests(opened: Opened, { manifests }: History): Omit<Pointer, "revision"> {
  const refs = manifests.map(({ ref }) => ref);
  const isFirst = manifests.every(({ manifest }) => manifest.pointer_revision === 0);
  return {
    format: 1,
    repository: opened.configuration.config.repository,
    newest: refs[0] ?? null,
    pruned_to: isFirst ? 0 : (refs[0]?.counter ?? 0),
    kept: isFirst ? [] : refs,
    removing: [],
    verified: [],
  };
}
