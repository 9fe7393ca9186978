/** Content keys: one per writer and epoch, encrypted to the repository's identity in an object named by its hash. */
import { randomBytes } from "node:crypto";
import { objectsUnder, StorageError } from "../storage/storage.ts";
import { DamagedObject, HINTS, refused } from "./damage.ts";
import { decryptWith, encryptTo } from "./key-file.ts";
import { contentKeyKey } from "./layout.ts";
import { sha256 } from "./metadata.ts";
import { type Opened, readChecked } from "./opened.ts";
import { type ContentKey, importContentKey } from "./part.ts";

const CONTENT_KEY_BYTES = 32;

/** A new key, which only this process knows until its object is read by somebody who can. Written before any part. */
export async function createContentKey(opened: Opened, epoch: string): Promise<ContentKey> {
  const newest = opened.configuration.config.keys.at(-1);
  if (newest === undefined) throw new Error("a configuration has at least one key");
  const raw = randomBytes(CONTENT_KEY_BYTES);
  const object = await encryptTo([newest.recipient], raw);
  const id = sha256(object);
  await opened.storage.create(contentKeyKey(epoch, id), object, opened.signal);
  return { id, key: await importContentKey(raw) };
}

/** The object of a content key, unopened. @throws DamagedObject when it is missing or not the one of this name. */
export async function readContentKeyObject(opened: Opened, epoch: string, id: string): Promise<Uint8Array> {
  const { body } = await readChecked(opened, contentKeyKey(epoch, id), (bytes) =>
    sha256(bytes) === id ? { value: null } : { problem: "differs from what was written" },
  );
  return body;
}

/** Opens and keeps content keys. */
export function contentKeyReader(opened: Opened): (epoch: string, id: string) => Promise<ContentKey> {
  const known = new Map<string, Promise<ContentKey>>();
  const open = async (epoch: string, id: string): Promise<ContentKey> => {
    if (opened.identities === null) {
      const hint = "give the escrowed key file, one with an `identity`";
      throw refused("read", opened.storage.location, `key ${opened.key.name} can back up, but not read`, hint);
    }
    const object = await readContentKeyObject(opened, epoch, id);
    const raw = await decryptWith(opened.identities, object);
    if (raw?.byteLength !== CONTENT_KEY_BYTES) {
      throw new DamagedObject(contentKeyKey(epoch, id), "no identity of this repository opens it", HINTS.forged);
    }
    return { id, key: await importContentKey(raw) };
  };
  return (epoch, id) => {
    const opening = known.get(id) ?? open(epoch, id);
    known.set(id, opening);
    // A failure is not kept: the next part that needs the key reads it again.
    opening.catch(() => known.delete(id));
    return opening;
  };
}

/** Puts the same key object into another epoch, so that an epoch needs no other one. */
export async function copyContentKey(opened: Opened, from: string, to: string, id: string): Promise<void> {
  const object = await readContentKeyObject(opened, from, id);
  await opened.storage.create(contentKeyKey(to, id), object, opened.signal).catch((error: unknown) => {
    if (!(error instanceof StorageError && error.failure === "exists")) throw error;
  });
}

/** Ids of the content keys whose objects an epoch holds. */
export async function contentKeysIn({ storage, signal }: Opened, epoch: string): Promise<Set<string>> {
  const ids = new Set<string>();
  const prefix = contentKeyKey(epoch, "");
  for await (const { key } of objectsUnder(storage, prefix, signal)) ids.add(key.slice(prefix.length));
  return ids;
}
