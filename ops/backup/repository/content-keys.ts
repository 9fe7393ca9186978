/**
 * Content keys: per writer and epoch one for content, encrypted to the repository's identity, and one for parts that writers
 * share, sealed for them. Each is an object named by its hash.
 */
import { randomBytes } from "node:crypto";
import { alreadyThere, objectsUnder } from "../../storage/storage.ts";
import { DamagedObject, HINTS, refused } from "./damage.ts";
import { decryptWith, encryptTo } from "./key-file.ts";
import { contentKeyKey } from "./layout.ts";
import { seal, sha256, unseal } from "./metadata.ts";
import { type Opened, readChecked } from "./opened.ts";
import { type ContentKey, importContentKey } from "./part.ts";

const CONTENT_KEY_BYTES = 32;
/** What a sealed content key is sealed for. */
const SHARED = "shared key";
/** How an age file begins, and nothing that is sealed: that begins with a random nonce. */
const AGE = Buffer.from("age-encryption.org/");

/** Kinds of parts that every writer can read: hashes and ids that the next incremental needs, never content. */
export const isSharedKind = (kind: string): boolean => kind.startsWith("shared-");

/**
 * A new key, which only this process knows until its object is read by somebody who can: readers, or writers, too, when it is
 * `shared`. Written before any part.
 */
export async function createContentKey(opened: Opened, epoch: string, shared: boolean): Promise<ContentKey> {
  const newest = opened.configuration.config.keys.at(-1);
  if (newest === undefined) throw new Error("a configuration has at least one key");
  const raw = randomBytes(CONTENT_KEY_BYTES);
  const object = shared
    ? await seal(opened.metadata, SHARED, raw.toString("base64"))
    : await encryptTo([newest.recipient], raw);
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
    const object = await readContentKeyObject(opened, epoch, id);
    const isForReaders = AGE.equals(object.subarray(0, AGE.byteLength));
    if (isForReaders && opened.identities === null) {
      const hint = "give the escrowed key file, one with an `identity`";
      throw refused("read", opened.storage.location, `key ${opened.key.name} can back up, but not read`, hint);
    }
    const raw = isForReaders ? await decryptWith(opened.identities ?? [], object) : await unsealed(opened, object);
    if (raw?.byteLength !== CONTENT_KEY_BYTES) {
      throw new DamagedObject(contentKeyKey(epoch, id), "no key of this repository opens it", HINTS.forged);
    }
    return { id, key: await importContentKey(raw) };
  };
  return (epoch, id) => {
    // By place, too: the same key in another epoch may be whole where this one is lost.
    const object = contentKeyKey(epoch, id);
    const opening = known.get(object) ?? open(epoch, id);
    known.set(object, opening);
    // A failure is not kept: the next part that needs the key reads it again.
    opening.catch(() => known.delete(object));
    return opening;
  };
}

async function unsealed({ metadata }: Opened, object: Uint8Array): Promise<Uint8Array | undefined> {
  const text = await unseal(metadata, SHARED, object).catch(() => undefined);
  return typeof text === "string" ? Buffer.from(text, "base64") : undefined;
}

/** Puts the same key object into another epoch, so that an epoch needs no other one. */
export async function copyContentKey(opened: Opened, from: string, to: string, id: string): Promise<void> {
  const object = await readContentKeyObject(opened, from, id);
  await opened.storage.create(contentKeyKey(to, id), object, opened.signal).catch(alreadyThere);
}

/** Ids of the content keys whose objects an epoch holds. */
export async function contentKeysIn({ storage, signal }: Opened, epoch: string): Promise<Set<string>> {
  const ids = new Set<string>();
  const prefix = contentKeyKey(epoch, "");
  for await (const { key } of objectsUnder(storage, prefix, signal)) ids.add(key.slice(prefix.length));
  return ids;
}
