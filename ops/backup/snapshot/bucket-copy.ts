/**
 * The objects of a bucket, several of them in one part. What an earlier snapshot holds under the same etag is kept, not read.
 *
 * An object that is longer than a part continues at the beginning of the next ones.
 */
import pMap from "p-map";
import { BUNDLE_BYTES, BUNDLE_READERS, KEEPERS, OBJECT_READERS, PART_BYTES_MAX } from "../../limits.ts";
import { absent, objectsUnder, type Storage, type StoredObject } from "../../storage/storage.ts";
import type { BucketSummary } from "../manifest.ts";
import type { Snapshot, SnapshotWriter } from "../repository/repository.ts";

/** An object in the repository: the parts that its bytes run through, and where they begin in the first. */
interface Held {
  etag: string;
  bytes: number;
  parts: string[];
  offset: number;
}

/** Copies a bucket in one or more passes; the last one decides which objects the snapshot has. */
export class BucketCopy {
  readonly #bucket: string;
  readonly #storage: Storage;
  readonly #writer: SnapshotWriter;
  readonly #signal: AbortSignal;
  readonly #known = new Map<string, Held>();
  readonly #copied = new Map<string, Held>();
  #listed: string[] = [];
  #requests = 0;

  /** `known`: what the writer's base holds of this bucket, or null. */
  constructor(
    source: { bucket: string; storage: Storage; signal: AbortSignal },
    writer: SnapshotWriter,
    known: BucketSummary | null,
  ) {
    this.#bucket = source.bucket;
    this.#storage = source.storage;
    this.#signal = source.signal;
    this.#writer = writer;
    for (const [key, held] of known === null ? [] : heldObjects(known)) this.#known.set(key, held);
  }

  get requests(): number {
    return this.#requests;
  }

  /** Copies what is new since the last pass. `on_bytes` hears of the bytes read. `objects`: what the bucket holds, where it was listed already. */
  async pass(
    on_bytes: (bytes: number) => void,
    objects: Iterable<StoredObject> | AsyncIterable<StoredObject> = objectsUnder(this.#storage, "", this.#signal),
  ): Promise<void> {
    const listed: string[] = [];
    const missing: StoredObject[] = [];
    for await (const object of objects) {
      listed.push(object.key);
      if (this.#copied.get(object.key)?.etag === object.etag) continue;
      const known = this.#known.get(object.key);
      if (known?.etag === object.etag) this.#copied.set(object.key, known);
      else missing.push(object);
    }
    this.#listed = listed;
    this.#requests += 1 + Math.ceil(listed.length / 1000);
    await pMap(
      bundles(missing),
      async (bundle) => {
        const read = await pMap(bundle, (object) => this.#read(object, on_bytes), { concurrency: OBJECT_READERS });
        await this.#store(read.filter((object) => object !== null));
      },
      { concurrency: BUNDLE_READERS, signal: this.#signal },
    );
  }

  /**
   * What the snapshot holds of the bucket. Parts of the base that are still used are kept. What the bucket lost although it
   * is `needed` is taken from the base, if that has it; `missing` names what nobody has.
   */
  async finish(needed: ReadonlySet<string>): Promise<{ summary: BucketSummary; lost: string[]; missing: string[] }> {
    const listed = new Set(this.#listed);
    const lost = [...needed].filter((key) => !listed.has(key));
    const missing = lost.filter((key) => !this.#known.has(key));
    const parts: string[] = [];
    const places = new Map<string, number>();
    const objects: BucketSummary["objects"] = [];
    const base = new Set([...this.#known.values()].flatMap((held) => held.parts));
    for (const key of [...this.#listed, ...lost]) {
      const held = this.#copied.get(key) ?? (needed.has(key) ? this.#known.get(key) : undefined);
      // Deleted between the listing and the reading, or missing.
      if (held === undefined) continue;
      const first = held.parts[0] ?? "";
      if (!places.has(first)) {
        places.set(first, parts.length);
        parts.push(...held.parts);
      }
      objects.push([key, held.etag, held.bytes, places.get(first) ?? 0, held.offset]);
    }
    await pMap(
      parts.filter((id) => base.has(id)),
      (id) => this.#writer.keepPart(id),
      { concurrency: KEEPERS, signal: this.#signal },
    );
    return { summary: { bucket: this.#bucket, parts, objects }, lost, missing };
  }

  async #read(object: StoredObject, on_bytes: (bytes: number) => void) {
    this.#requests += 1;
    const read = await this.#storage.read(object.key, this.#signal).catch(absent);
    if (read === undefined) return null;
    on_bytes(read.body.length);
    return { key: object.key, ...read };
  }

  async #store(objects: { key: string; etag: string; body: Uint8Array }[]): Promise<void> {
    const [only] = objects;
    if (only === undefined) return;
    const bytes = objects.length === 1 ? only.body : Buffer.concat(objects.map(({ body }) => body));
    const parts: string[] = [];
    for (let at = 0; at < bytes.length || parts.length === 0; at += PART_BYTES_MAX) {
      parts.push((await this.#writer.putPart("objects", bytes.subarray(at, at + PART_BYTES_MAX))).id);
    }
    let offset = 0;
    for (const { key, etag, body } of objects) {
      this.#copied.set(key, { etag, bytes: body.length, parts, offset });
      offset += body.length;
    }
  }
}

/** Small objects together, a large one alone. */
function bundles(objects: readonly StoredObject[]): StoredObject[][] {
  const all: StoredObject[][] = [];
  let room = 0;
  for (const object of objects) {
    if (object.bytes > room) {
      all.push([]);
      room = BUNDLE_BYTES;
    }
    all.at(-1)?.push(object);
    room -= object.bytes;
  }
  return all;
}

function* heldObjects({ parts, objects }: BucketSummary): Generator<[string, Held]> {
  for (const [key, etag, bytes, part, offset] of objects) {
    const run = Math.max(1, Math.ceil((offset + bytes) / PART_BYTES_MAX));
    yield [key, { etag, bytes, parts: parts.slice(part, part + run), offset }];
  }
}

/** Every object of a bucket with its bytes and the parts that hold them, in the order of parts. Holds one bundle at a time. */
export async function* readObjects(
  snapshot: Pick<Snapshot, "readPart">,
  bucket: BucketSummary,
): AsyncGenerator<{ key: string; etag: string; body: Uint8Array; parts: readonly string[] }, void> {
  let first: string | undefined;
  let held = Buffer.alloc(0);
  const ordered = [...heldObjects(bucket)].sort(([, a], [, b]) => ((a.parts[0] ?? "") < (b.parts[0] ?? "") ? -1 : 1));
  for (const [key, { etag, bytes, parts, offset }] of ordered) {
    if (first !== parts[0] || held.length < offset + bytes) {
      const plain: Uint8Array[] = [];
      for (const id of parts) plain.push(await snapshot.readPart(id));
      held = Buffer.concat(plain);
      first = parts[0];
    }
    yield { key, etag, body: held.subarray(offset, offset + bytes), parts };
  }
}
