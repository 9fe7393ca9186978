/** What a snapshot consists of: the signed manifest, and the sealed index that it names by its hash. Shapes and their coding. */
import { z } from "zod";
import { KIND } from "./part.ts";

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`));
const epoch = z.string().regex(/^\d{4}-\d{2}$/);
const count = z.int().min(0);

/** A manifest as another one names it. */
export const ManifestRef = z.object({
  snapshot: hex(8),
  counter: z.int().min(1),
  /** Key of the object. */
  manifest: z.string(),
  sha256: hex(32),
});
export type ManifestRef = z.infer<typeof ManifestRef>;

export const Manifest = z.object({
  format: z.literal(1),
  repository: z.uuid(),
  snapshot: hex(8),
  counter: z.int().min(1),
  /** All snapshots that nobody had followed when this one was committed; none for the first. */
  previous: z.array(ManifestRef),
  epoch,
  started_at: z.iso.datetime(),
  finished_at: z.iso.datetime(),
  tool: z.string(),
  /** Words that whoever made it gave it. Older releases write none, and leave those of others out of account. */
  tags: z.array(z.string()).default([]),
  config: z.object({ revision: z.int().min(1), sha256: hex(32) }),
  /** Revision of the pointer that the writer saw; a pointer below it was replayed. */
  pointer_revision: count,
  index: z.object({ object: z.string(), sha256: hex(32), bytes: count }),
  parts: count,
  bytes: count,
  plain_bytes: count,
  new_bytes: count,
  /** Id of the part that holds the body. */
  body: hex(32),
  /** Sealed for `summary:<snapshot>`. */
  summary: z.base64(),
});
export type Manifest = z.infer<typeof Manifest>;

const StoredPart = z.object({
  id: hex(32),
  kind: z.string().regex(KIND),
  epoch,
  /** 0, or the number of the copy that stands in for a damaged object. */
  copy: count,
  bytes: count,
  plain_bytes: count,
  plain_sha256: hex(32),
  /** Of the object. */
  sha256: hex(32),
  /** SHA-256 of the object that holds the content key. */
  content_key: hex(32),
});
/** A part with what it takes to find and prove it. */
export type StoredPart = z.infer<typeof StoredPart>;

/** Of a snapshot (sealed for `index:<snapshot>`, all its parts) or a checkpoint (`checkpoint:<object>`, those since the last one). */
export const Index = z.object({ format: z.literal(1), snapshot: hex(8), parts: z.array(StoredPart) });
export type Index = z.infer<typeof Index>;

/** The only object of a repository that changes with every snapshot and every prune. Signed by a writer. */
export const Pointer = z.object({
  format: z.literal(1),
  repository: z.uuid(),
  /** One more with every change. */
  revision: z.int().min(1),
  newest: ManifestRef.nullable(),
  /** As of the last prune: the highest counter, and all snapshots up to it that stay. A lower one that is not named was pruned. */
  pruned_to: count,
  kept: z.array(ManifestRef),
  /** Snapshots that the last prune removes, until their indexes are gone. */
  removing: z.array(hex(8)),
  verified: z.array(
    z.object({ snapshot: hex(8), level: z.enum(["structure", "data", "restore"]), at: z.iso.datetime() }),
  ),
});
export type Pointer = z.infer<typeof Pointer>;
