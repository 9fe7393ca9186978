/**
 * Where a repository lies: named objects, written whole. A bucket and a directory behave the same behind this.
 *
 * Implementations try once and say what went wrong; patience is `patient-storage.ts`'s.
 */

import { jsonIn } from "../../worker/ground/json.ts";
import { SET_THE_CLOCK } from "../clock.ts";
import { OpsError } from "../command/errors.ts";

export interface StoredObject {
  key: string;
  bytes: number;
  /** Names this content of this object; given back to `replace` it proves that nobody wrote another content in between. */
  etag: string;
  /** By the storage's clock, the only one that all machines share. */
  modified_ms: number;
}

/** What a failure means for whoever asked. */
export type StorageFailure =
  /** No object of this name. */
  | "missing"
  /** `create`: the name is taken. */
  | "exists"
  /** `replace`: the object is another one by now, or gone. */
  | "changed"
  /** `remove`: a bucket lock protects the object. */
  | "locked"
  /** Credentials or their rights. Trying again is of no use. */
  | "denied"
  /** No room. A prune writes as well, a little, before it removes anything. */
  | "full"
  /** This machine's clock is wrong, so what it signs is refused. */
  | "skewed"
  /** Asked too fast: not done, may be tried again after `retry_after_ms`. */
  | "throttled"
  /** 5xx, broken connection, no answer in time: it may or may not have been done. */
  | "unclear"
  /** Anything else: a defect or a wrong address. */
  | "refused";

const HINTS: Readonly<Record<StorageFailure, string>> = {
  missing: "npm run ops -- backup verify tells what else is missing",
  exists: "two commands write the same object: repeat the one that failed",
  changed: "another command changed it in the same moment: repeat this one",
  locked: "wait until the bucket lock ends, or leave it",
  denied:
    "use credentials that may read and write this bucket or folder; a signature is also wrong for another region than the server's (&region=NAME in the address)",
  full: "free some room where it lies, then repeat it: what was written is found again; where it holds older snapshots, `npm run ops -- backup prune` frees some and needs only a few kB itself",
  skewed: SET_THE_CLOCK,
  throttled: "repeat it later: what was done is found again",
  unclear: "repeat it when the storage answers again: what was done is found again",
  refused:
    "check the address: the folder, or the bucket's name and its region (&region=NAME in the address); where the server takes no bucket in a path, the endpoint is the bucket's own (endpoint=https://BUCKET.HOST)",
};

/** Says what failed to whoever can act on it by `failure`, and to a person by its parts. */
export class StorageError extends OpsError {
  readonly failure: StorageFailure;

  /** `cause` begins with the object's key. */
  constructor(
    failure: StorageFailure,
    cause: string,
    options: { retry_after_ms?: number | undefined; cause?: unknown; hint?: string | undefined } = {},
  ) {
    const parts = { op: "use", subject: "the backup's storage", cause, hint: options.hint ?? HINTS[failure] };
    super(parts, { retry_after_ms: options.retry_after_ms, error: options.cause });
    this.name = "StorageError";
    this.failure = failure;
  }
}

/** Whether a storage failed in one of these ways: the one way for code to tell its failures apart. */
export function isFailure(error: unknown, ...failures: readonly StorageFailure[]): error is StorageError {
  return error instanceof StorageError && failures.includes(error.failure);
}

/** For `catch`: undefined where there is no such object. */
export function absent(error: unknown): undefined {
  if (!isFailure(error, "missing")) throw error;
}

/** For `catch` of `create`: what is there already is what was to be written, by an earlier try or another process. */
export function alreadyThere(error: unknown): void {
  if (!isFailure(error, "exists")) throw error;
}

/** Some of the objects under a prefix, ascending by key. */
interface StoragePage {
  objects: StoredObject[];
  /** Whether others come after them. */
  more: boolean;
}

/** All methods throw `StorageError`, and the signal's reason when it ends them. Keys are ASCII, folders are separated by `/`; no key is another one's folder. */
export interface Storage {
  /** For messages: `s3://bucket/prefix` or a folder. */
  readonly location: string;
  /** Writes a new object, whole or not at all; never over another one. Durable when it returns the etag. Failure: exists. */
  create(key: string, body: Uint8Array, signal: AbortSignal): Promise<string>;
  /** Writes over the object that has this etag; null = there is none yet. Returns the new etag. Failure: changed. */
  replace(key: string, body: Uint8Array, etag: string | null, signal: AbortSignal): Promise<string>;
  /** The whole object. Failure: missing. */
  read(key: string, signal: AbortSignal): Promise<{ body: Uint8Array; etag: string }>;
  /** Failure: missing. */
  look(key: string, signal: AbortSignal): Promise<StoredObject>;
  /** One page of the objects whose key begins with `prefix` and comes after `after`. */
  page(prefix: string, after: string, signal: AbortSignal): Promise<StoragePage>;
  /** Names of the folders directly in `prefix`, which ends in `/` or is empty. */
  folders(prefix: string, signal: AbortSignal): Promise<string[]>;
  /** One that is already gone is fine. Failure: locked. */
  remove(key: string, signal: AbortSignal): Promise<void>;
}

/** An object of JSON, and its etag for `replace`; null where there is none. */
export async function readJson(
  storage: Storage,
  key: string,
  signal: AbortSignal,
): Promise<{ value: unknown; etag: string } | null> {
  const found = await storage.read(key, signal).catch(absent);
  return found === undefined ? null : { value: jsonIn(Buffer.from(found.body).toString()), etag: found.etag };
}

/** All objects under a prefix, ascending by key. */
export async function* objectsUnder(
  storage: Storage,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<StoredObject, void> {
  for (let after = ""; ; ) {
    const { objects, more } = await storage.page(prefix, after, signal);
    yield* objects;
    const last = objects.at(-1);
    if (last === undefined || !more) return;
    after = last.key;
  }
}

/** The same, together. */
export async function listUnder(storage: Storage, prefix: string, signal: AbortSignal): Promise<StoredObject[]> {
  const objects: StoredObject[] = [];
  for await (const object of objectsUnder(storage, prefix, signal)) objects.push(object);
  return objects;
}

/** Bytes of each object under a prefix, by key. */
export async function sizesUnder(storage: Storage, prefix: string, signal: AbortSignal): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for await (const { key, bytes } of objectsUnder(storage, prefix, signal)) sizes.set(key, bytes);
  return sizes;
}
