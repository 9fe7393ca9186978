/** A snapshot's index and summary, reached from its manifest; and the reading of its parts. */

import { OpsError } from "../../command/errors.ts";
import { PART_BYTES_MAX } from "../../limits.ts";
import { isFailure } from "../../storage/storage.ts";
import type { contentKeyReader } from "./content-keys.ts";
import { DamagedObject, HINTS } from "./damage.ts";
import type { KnownManifest } from "./history.ts";
import { CONFIG, partKey } from "./layout.ts";
import { Index, type StoredPart } from "./manifest.ts";
import { seal, sha256, unseal } from "./metadata.ts";
import { type Checked, type Opened, readChecked } from "./opened.ts";
import { authenticatePart, decodePart } from "./part.ts";
import type { PartRef, Snapshot, SnapshotInfo } from "./repository.ts";

export interface IndexedSnapshot extends Snapshot {
  readonly manifest: KnownManifest;
  readonly stored: ReadonlyMap<string, StoredPart>;
}

type ContentKeys = ReturnType<typeof contentKeyReader>;

export const objectOf = (part: StoredPart): string => partKey(part.epoch, part.id, part.copy);

export function refOf({ id, kind, epoch, bytes, plain_bytes, plain_sha256 }: StoredPart): PartRef {
  return { id, kind, epoch, bytes, plain_bytes, plain_sha256 };
}

export const sealSummary = (opened: Opened, snapshot: string, summary: unknown): Promise<Uint8Array> =>
  seal(opened.metadata, `summary:${snapshot}`, summary);

/** @throws DamagedObject */
export async function readIndexed(
  opened: Opened,
  contentKeys: ContentKeys,
  known: KnownManifest,
  info: SnapshotInfo,
): Promise<IndexedSnapshot> {
  const { manifest } = known;
  const { index, snapshot } = manifest;
  const { value } = await readChecked(opened, index.object, async (bytes): Promise<Checked<Index>> => {
    if (sha256(bytes) !== index.sha256) return { problem: "differs from what the manifest names" };
    return await unsealIndex(opened, `index:${snapshot}`, bytes);
  });
  if (value.snapshot !== snapshot || value.parts.length !== manifest.parts) {
    throw new DamagedObject(index.object, "is not the index of this manifest", HINTS.forged);
  }
  const summary = await unseal(opened.metadata, `summary:${snapshot}`, Buffer.from(manifest.summary, "base64")).catch(
    (error: unknown) => {
      throw new DamagedObject(known.ref.manifest, "its summary cannot be opened", HINTS.forged, { error });
    },
  );
  const stored = new Map(value.parts.map((part) => [part.id, part]));
  const parts = new Map(value.parts.map((part) => [part.id, refOf(part)]));
  const readPart = async (id: string): Promise<Uint8Array> => {
    const part = stored.get(id);
    if (part) return await readPartContent(opened, contentKeys, part);
    throw new OpsError({
      op: "read part",
      subject: id,
      cause: `snapshot ${snapshot} has no such part`,
      hint: "take ids from the snapshot that is read",
    });
  };
  return {
    manifest: known,
    stored,
    info,
    summary,
    parts,
    readPart,
    body: async () => JSON.parse(Buffer.from(await readPart(manifest.body)).toString()),
  };
}

export async function unsealIndex(opened: Opened, purpose: string, bytes: Uint8Array): Promise<Checked<Index>> {
  try {
    const parsed = Index.safeParse(await unseal(opened.metadata, purpose, bytes));
    return parsed.success ? { value: parsed.data } : { problem: "is sealed but unreadable" };
  } catch {
    return { problem: "was not sealed by this repository for this place", forged: true };
  }
}

/** The object of a part, proven by the index and by the writers' MAC; its content stays closed. @throws DamagedObject */
export async function readPartObject(opened: Opened, part: StoredPart): Promise<Uint8Array> {
  const { body } = await readChecked(opened, objectOf(part), (bytes): Checked<null> => {
    if (bytes.byteLength !== part.bytes) return { problem: `has ${bytes.byteLength} of ${part.bytes} bytes` };
    const header = authenticatePart(opened.metadata, bytes);
    if ("problem" in header) return header;
    if (header.id !== part.id) return { problem: `is part ${header.id}, put in another one's place`, forged: true };
    if (
      header.content_key !== part.content_key ||
      header.plain_bytes !== part.plain_bytes ||
      sha256(bytes) !== part.sha256
    ) {
      return { problem: "is another writing of this part than the index names" };
    }
    return { value: null };
  }).catch((error: unknown) => unreadable(opened, objectOf(part), error));
  return body;
}

/**
 * An object that is refused alone, such as one that was moved to an archive or copied without its rights, is as good as missing. Where the
 * configuration is refused by now as well, the credentials have ended, which says nothing about the object.
 */
async function unreadable({ storage, signal }: Opened, object: string, error: unknown): Promise<never> {
  if (!isFailure(error, "denied")) throw error;
  await storage.read(CONFIG, signal).catch(() => {
    throw error;
  });
  const { cause } = error.parts;
  throw new DamagedObject(object, `cannot be read (${cause.slice(object.length + 2)})`, HINTS.unreadable, { error });
}

export async function readPartContent(opened: Opened, contentKeys: ContentKeys, part: StoredPart): Promise<Uint8Array> {
  if (part.plain_bytes > PART_BYTES_MAX) {
    throw new DamagedObject(objectOf(part), `claims to hold ${part.plain_bytes} bytes`, HINTS.newer);
  }
  const [content_key, object] = await Promise.all([
    contentKeys(part.epoch, part.content_key),
    readPartObject(opened, part),
  ]);
  return await decodePart(opened.metadata, content_key, part, object).catch((error: unknown) => {
    throw new DamagedObject(objectOf(part), error instanceof Error ? error.message : String(error), HINTS.forged, {
      error,
    });
  });
}
