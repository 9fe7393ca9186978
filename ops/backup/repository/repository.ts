/**
 * A backup repository as everything else in ops sees it. `docs/backup-format.md` describes what it writes.
 *
 * A repository holds snapshots. A snapshot is a body (JSON, the snapshot layer's own), a summary (JSON that a machine
 * with only the write key can read back: what it needs for the next incremental) and parts (bytes). What a reader gets
 * was reached from a signed manifest and verified on the way; every failure is an `OpsError` that names the object.
 */
import { z } from "zod";
import type { Patience } from "../../storage/patient-storage.ts";
import type { Storage } from "../../storage/storage.ts";

/**
 * Some bytes in the repository. Same kind and same bytes give the same id, so putting them twice stores them once in an
 * epoch. JSON: the snapshot layer may write it into its body, though the id alone finds the part again.
 */
export interface PartRef {
  /** Keyed hash of kind and content: 64 hex digits. Says nothing to whoever lacks the repository's keys. */
  id: string;
  /** What the bytes are, in words of the snapshot layer: lower case, digits and dashes. Bound to the bytes. */
  kind: string;
  /** `YYYY-MM`: the folder it lies in. */
  epoch: string;
  /** Size of the object, compressed and encrypted. */
  bytes: number;
  plain_bytes: number;
  /** SHA-256 of the plain bytes, hex. */
  plain_sha256: string;
}

/** How far a snapshot was checked. `restore`: really restored somewhere and compared. */
export const verifiedLevel = z.enum(["structure", "data", "restore"]);
export type VerifiedLevel = z.infer<typeof verifiedLevel>;

export const snapshotInfo = z.strictObject({
  /** 16 hex digits, unique. */
  id: z.string(),
  /** One more than the highest one known when it was begun. Two that began together may share it. */
  counter: z.int(),
  epoch: z.string(),
  /** By the clock of the machine that made it. */
  started_ms: z.number(),
  finished_ms: z.number(),
  tool: z.string(),
  /** Given when it was made; a manifest is signed and never changes. */
  tags: z.array(z.string()),
  /** Name of the write key that signed it. */
  signer: z.string(),
  parts: z.int(),
  /** Sum over its parts, whether this snapshot or an earlier one wrote them. */
  bytes: z.int(),
  plain_bytes: z.int(),
  /** What this snapshot added to the repository. */
  new_bytes: z.int(),
  /** The best check that was recorded for it. */
  verified: z.strictObject({ level: verifiedLevel, at_ms: z.number() }).nullable(),
});
export type SnapshotInfo = z.infer<typeof snapshotInfo>;

export interface Snapshot {
  readonly info: SnapshotInfo;
  /** As given to `commit`. */
  readonly summary: unknown;
  /** All parts of the snapshot, by id. */
  readonly parts: ReadonlyMap<string, PartRef>;
  /** As given to `commit`. Needs a key that can read. */
  body(): Promise<unknown>;
  /**
   * The plain bytes, verified (length, hash, kind, encryption). Parts whose kind begins with `shared-` are readable with a key
   * that can only write, too: they are for what the next snapshot needs of this one, and hold no content.
   * @throws OpsError when the part is not the snapshot's, its object is missing, damaged or swapped, or the key cannot read.
   */
  readPart(id: string): Promise<Uint8Array>;
}

export interface SnapshotWriter {
  readonly id: string;
  readonly epoch: string;
  /**
   * The newest snapshot whose manifest, index and parts (presence, size) are whole. Its parts can be kept; out of another
   * epoch they are copied (a synthetic full). Null in an empty repository, and where nothing is whole: a full snapshot is
   * then the only one possible.
   */
  readonly base: Snapshot | null;
  /** Bytes written and saved so far, for progress and figures. */
  readonly written: { objects: number; bytes: number; reused_parts: number };
  /**
   * Stores bytes, at most `PART_BYTES_MAX`, unless the epoch has them. May be called concurrently; waits for its turn
   * when many bytes are under way, so that memory stays bounded. `bytes` must not change before it returns.
   */
  putPart(kind: string, bytes: Uint8Array): Promise<PartRef>;
  /**
   * Takes a part of the base into this snapshot without reading its content: by reference in the same epoch, else by
   * copying the encrypted object. Works with a key that can only write.
   */
  keepPart(id: string): Promise<PartRef>;
  /**
   * Index, manifest and pointer, in this order, after every part of the snapshot was seen in the storage at its size.
   * `summary`, which may be waited for, is readable with the write key, `body` only with a key that can read. The lease ends.
   */
  commit(content: { summary: unknown; body: unknown }): Promise<SnapshotInfo>;
  /** Ends the lease without a snapshot. What was written stays and is found again by the next writer of this epoch. */
  abandon(): Promise<void>;
}

/** A damaged, missing or untrusted object. */
export const finding = z.strictObject({
  /** `notice`: also what an interruption leaves, or what hurts nothing. */
  severity: z.enum(["damage", "notice"]),
  /** Key of the object. */
  object: z.string(),
  cause: z.string(),
  hint: z.string(),
  /** The repository as a whole is an older one. Every other finding has no reason. */
  reason: z.literal("rolled-back").optional(),
  /** Ids of the snapshots that cannot be restored because of it; empty when none is hurt. */
  snapshots: z.array(z.string()),
});
export type Finding = z.infer<typeof finding>;

export interface VerifyReport {
  snapshots: number;
  /** Objects whose presence and size were compared with the index. */
  objects: number;
  /** Bytes that were read and verified. */
  bytes_read: number;
  /** Parts whose content was decrypted and hashed; with a key that can only write: whose object was authenticated. */
  parts_read: number;
  /** Objects that no snapshot needs: from interrupted work, until prune removes them. */
  unreferenced: number;
  findings: Finding[];
}

export interface PrunePlan {
  /** Ids; the reasons are the policy's. */
  keep: readonly string[];
  remove: readonly string[];
  /** Snapshots that were to go, but a running restore or backup uses them. */
  in_use: { id: string; by: string }[];
  /** Objects that nothing kept needs. */
  objects: number;
  bytes: number;
}

export const pruneReport = z.strictObject({
  snapshots_removed: z.array(z.string()),
  objects_removed: z.int(),
  bytes_removed: z.int(),
  /** Objects that a bucket lock kept; the next prune after the lock's end removes them. */
  locked: z.strictObject({ objects: z.int(), bytes: z.int() }),
});
export type PruneReport = z.infer<typeof pruneReport>;

/** Keeps prune away from what is in use. Renewed in the background until released. */
export interface Lease {
  readonly id: string;
  /** Aborts when the lease was lost: another machine took it for dead. Work under it must stop. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

export interface BeginOptions {
  /** Name and version of the program. */
  tool: string;
  tags?: readonly string[];
  /** Keys of part objects that a check found damaged: they are written anew, beside the damaged ones. */
  distrust?: ReadonlySet<string>;
}

export interface Repository {
  readonly id: string;
  readonly location: string;
  /** What the key at hand is good for. */
  readonly can: { read: boolean; write: boolean; administer: boolean };
  /** The highest counter of a snapshot that this machine has seen: the next run's `RepositoryOptions.counter_seen`. */
  readonly counter_seen: number;
  /** Things that a person should know, found so far: a replayed pointer, a lost configuration, a damaged manifest. */
  readonly warnings: readonly string[];
  /**
   * Starts a snapshot under a shared lease. An interrupted one is resumed by simply beginning again: parts that are
   * already there are found by id.
   * @throws OpsError (exit code 3) while a prune runs.
   */
  beginSnapshot(options: BeginOptions): Promise<SnapshotWriter>;
  /** Newest first; those whose manifest is whole. Damaged and missing ones are then told in `warnings`. */
  listSnapshots(): Promise<SnapshotInfo[]>;
  /** Ids of the snapshots that lie in another place of the same repository and never were in this one. */
  neverHere(place: Storage): Promise<string[]>;
  /** All objects that lie there, whoever needs them. */
  size(): Promise<{ objects: number; bytes: number }>;
  /** The newest of those that `listSnapshots` gives; null where there is none. @throws OpsError when its index is damaged. */
  openNewest(): Promise<Snapshot | null>;
  /**
   * An id, the unambiguous beginning of one, or `latest`. Its manifest and index are verified.
   * @throws OpsError when they are damaged; for `latest` also when a newer manifest is damaged or was removed.
   */
  openSnapshot(id: string): Promise<Snapshot>;
  /** Every manifest, index, key and the presence and size of every part. Reads no part. */
  verifyStructure(): Promise<VerifyReport>;
  /** `verifyStructure`, and reads this share (0-100) of each snapshot's parts, chosen by `random`. `only`: one snapshot. */
  verifyData(
    percent: number,
    options?: { only?: string; random?: () => number; on_progress?: (done: number, total: number) => void },
  ): Promise<VerifyReport>;
  /** Writes down that a snapshot passed a check. Needs a key that can write. */
  recordVerification(id: string, level: VerifiedLevel): Promise<void>;
  /** Takes back what was written down of a snapshot that did not pass: it is called good no longer. Needs a key that can write. */
  withdrawVerification(id: string): Promise<void>;
  /** Held by a restore while it reads, so that prune spares these snapshots. */
  leaseForRestore(snapshots: readonly string[]): Promise<Lease>;
  /** What would go if exactly `keep` stayed. Changes nothing. Never plans the removal of everything. */
  planPrune(keep: readonly string[]): Promise<PrunePlan>;
  /** Does what was planned as far as leases and locks still allow. References go before data. Safe to repeat. */
  prune(plan: PrunePlan): Promise<PruneReport>;
  /** Ends background work (leases). */
  close(): Promise<void>;
}

/**
 * What the repository writes down beside the stored bytes, passed in so that time is the caller's.
 */
export interface RepositoryOptions {
  patience?: Patience;
  now?: () => number;
  /** Ends everything that is under way. */
  signal?: AbortSignal;
  /**
   * The highest counter this machine has ever seen. A repository whose newest snapshot is older was rolled back: its
   * newest objects were removed and an older pointer put in their place, which the bucket alone cannot show.
   */
  counter_seen?: number;
}
