/**
 * The parts of one epoch while a snapshot is written: what is known to be there, what is written anew, and what an
 * interrupted writer left.
 */
import { OpsError } from "../../command/errors.ts";
import { CHECKPOINT_BYTES, PART_BYTES_MAX, PARTS_IN_FLIGHT_BYTES } from "../../limits.ts";
import { absent, isFailure, sizesUnder } from "../../storage/storage.ts";
import { ByteGate } from "./byte-gate.ts";
import { contentKeysIn, copyContentKey, createContentKey, isSharedKind, readContentKeyObject } from "./content-keys.ts";
import { CHECKPOINTS, checkpointKey, partKey, partsOf } from "./layout.ts";
import type { StoredPart } from "./manifest.ts";
import { partId, seal, sha256 } from "./metadata.ts";
import type { Opened } from "./opened.ts";
import { authenticatePart, type ContentKey, encodePart, KIND } from "./part.ts";
import { objectOf, readPartObject, unsealIndex } from "./snapshot-index.ts";

/** Damaged objects that may stand in the way of one part before it is given up. */
const COPIES_MAX = 8;

interface PartStore {
  readonly written: { objects: number; bytes: number; reused_parts: number };
  put(kind: string, plain: Uint8Array): Promise<StoredPart>;
  /** Makes a part of another epoch one of this epoch, without opening it. */
  copy(part: StoredPart): Promise<StoredPart>;
  /** Checkpoints that say nothing any more once this snapshot is committed. */
  spentCheckpoints(): string[];
}

/** What an epoch holds. */
export interface EpochContent {
  epoch: string;
  /** Bytes of each part's object, by key. */
  sizes: ReadonlyMap<string, number>;
  /** Ids of content keys. */
  contentKeys: ReadonlySet<string>;
}

export async function contentOf(opened: Opened, epoch: string): Promise<EpochContent> {
  const { storage, signal } = opened;
  const [sizes, contentKeys] = await Promise.all([
    sizesUnder(storage, partsOf(epoch), signal),
    contentKeysIn(opened, epoch),
  ]);
  return { epoch, sizes, contentKeys };
}

/** Whether the object is there, whole in size, with the key that opens it. */
export function isThere({ epoch, sizes, contentKeys }: EpochContent, part: StoredPart): boolean {
  return part.epoch === epoch && sizes.get(objectOf(part)) === part.bytes && contentKeys.has(part.content_key);
}

/**
 * `there`: what the epoch held when the lease was taken. `base`: parts that earlier snapshots have in it. `distrust`: keys of objects that are known to be damaged.
 * `checkpoints`: their keys. `committed`: snapshots whose checkpoints say nothing new; `running`: those that others still write. `lost` ends the work when the lease is gone.
 */
export async function openPartStore(
  opened: Opened,
  snapshot: string,
  there: EpochContent,
  options: {
    checkpoints: Iterable<string>;
    base: Iterable<StoredPart>;
    distrust: ReadonlySet<string>;
    committed: ReadonlySet<string>;
    running: ReadonlySet<string>;
    lost: AbortSignal;
  },
): Promise<PartStore> {
  const { storage, metadata } = opened;
  const { epoch } = there;
  const signal = AbortSignal.any([opened.signal, options.lost]);
  const known = new Map<string, StoredPart>();
  const underWay = new Map<string, Promise<StoredPart>>();
  const gate = new ByteGate(PARTS_IN_FLIGHT_BYTES);
  const written = { objects: 0, bytes: 0, reused_parts: 0 };
  const spent: string[] = [];
  let unsaved: StoredPart[] = [];
  let unsaved_bytes = 0;
  let number = 0;
  /** This process's own, by whether writers share it. */
  const ownKeys = new Map<boolean, Promise<ContentKey>>();

  const learn = (part: StoredPart): void => {
    if (isThere(there, part) && !options.distrust.has(objectOf(part))) known.set(part.id, part);
  };
  for (const key of options.checkpoints) {
    const writer = key.slice(CHECKPOINTS.length).replace(/-\d+$/, "");
    if (!options.committed.has(writer)) for (const part of await partsOfCheckpoint(key)) learn(part);
    if (!options.running.has(writer)) spent.push(key);
  }
  for (const part of options.base) learn(part);

  function ownKey(shared: boolean): Promise<ContentKey> {
    const key = ownKeys.get(shared) ?? createContentKey(opened, epoch, shared);
    ownKeys.set(shared, key);
    return key;
  }

  async function partsOfCheckpoint(key: string): Promise<StoredPart[]> {
    // Where it is gone, its writer has finished in this moment.
    const found = await storage.read(key, signal).catch(absent);
    if (found === undefined) return [];
    const index = await unsealIndex(opened, `checkpoint:${key}`, found.body);
    if ("value" in index) return index.value.parts;
    opened.warn(`${key} ${index.problem} and is ignored`);
    return [];
  }

  const save = async (part: StoredPart): Promise<void> => {
    unsaved.push(part);
    unsaved_bytes += part.bytes;
    if (unsaved_bytes < CHECKPOINT_BYTES) return;
    const parts = unsaved;
    unsaved = [];
    unsaved_bytes = 0;
    number += 1;
    const key = checkpointKey(snapshot, number);
    const body = await seal(metadata, `checkpoint:${key}`, { format: 1, snapshot, parts });
    await storage.create(key, body, signal);
    spent.push(key);
  };

  /** Writes an object under the part's first name that is free, unless what has the name is the part. */
  const place = async (
    id: string,
    body: Uint8Array,
    mine: Omit<StoredPart, "copy">,
  ): Promise<{ part: StoredPart; is_new: boolean }> => {
    for (let copy = 0; copy < COPIES_MAX; copy += 1) {
      const key = partKey(epoch, id, copy);
      try {
        await storage.create(key, body, signal);
        return { part: { ...mine, copy }, is_new: true };
      } catch (error) {
        if (!isFailure(error, "exists")) throw error;
      }
      const found = options.distrust.has(key) ? null : await adopt(key, mine);
      if (found) return { part: { ...found, copy }, is_new: false };
      opened.warn(`${key} is damaged; the part is written beside it`);
    }
    throw new OpsError({
      op: "write part",
      subject: partKey(epoch, id, 0),
      cause: `${COPIES_MAX} objects of this name are damaged`,
      hint: "find out what damages this storage before trusting it with another backup",
    });
  };

  /** An object that an interrupted writer left, if one of this repository's writers made it of this content. */
  const adopt = async (key: string, mine: Omit<StoredPart, "copy">): Promise<Omit<StoredPart, "copy"> | null> => {
    const { body } = await storage.read(key, signal);
    const header = authenticatePart(metadata, body);
    if ("problem" in header || header.id !== mine.id || header.plain_bytes !== mine.plain_bytes) return null;
    const { content_key } = header;
    const hasKey = await readContentKeyObject(opened, epoch, content_key).then(
      () => true,
      () => false,
    );
    return hasKey ? { ...mine, content_key, bytes: body.byteLength, sha256: sha256(body) } : null;
  };

  const once = (id: string, work: () => Promise<StoredPart>): Promise<StoredPart> => {
    const there = known.get(id);
    if (there) {
      written.reused_parts += 1;
      return Promise.resolve(there);
    }
    const running = underWay.get(id) ?? work().finally(() => underWay.delete(id));
    underWay.set(id, running);
    return running;
  };

  const settle = async ({ part, is_new }: { part: StoredPart; is_new: boolean }): Promise<StoredPart> => {
    known.set(part.id, part);
    if (is_new) {
      written.objects += 1;
      written.bytes += part.bytes;
    } else written.reused_parts += 1;
    await save(part);
    return part;
  };

  return {
    written,
    spentCheckpoints: () => spent,

    put(kind, plain) {
      if (!KIND.test(kind)) throw new TypeError(`kind ${JSON.stringify(kind)} does not match ${KIND}`);
      if (plain.byteLength > PART_BYTES_MAX) {
        throw new RangeError(`a part has at most ${PART_BYTES_MAX} bytes, not ${plain.byteLength}`);
      }
      return gate.pass(plain.byteLength, () => {
        const plain_sha256 = sha256(plain);
        const id = partId(metadata, kind, plain_sha256);
        return once(id, async () => {
          const content = await ownKey(isSharedKind(kind));
          const { object, sha256 } = await encodePart(metadata, content, { id, kind, plain });
          return await settle(
            await place(id, object, {
              id,
              kind,
              epoch,
              bytes: object.byteLength,
              plain_bytes: plain.byteLength,
              plain_sha256,
              sha256,
              content_key: content.id,
            }),
          );
        });
      });
    },

    copy: (part) =>
      gate.pass(part.bytes, () =>
        once(part.id, async () => {
          const object = await readPartObject(opened, part);
          await copyContentKey(opened, part.epoch, epoch, part.content_key);
          const { copy: _, ...moved } = { ...part, epoch };
          return await settle(await place(part.id, object, moved));
        }),
      ),
  };
}
