/** An opened repository as the parts of this layer share it, and the reading of what proves itself. */
import { DAMAGE_READS } from "../../limits.ts";
import { isFailure, type Storage } from "../../storage/storage.ts";
import type { LoadedConfiguration } from "./configuration.ts";
import { DamagedObject, HINTS } from "./damage.ts";
import type { BackupKey } from "./key-file.ts";
import type { MetadataKeys } from "./metadata.ts";

export interface Opened {
  /** Patient. */
  storage: Storage;
  signal: AbortSignal;
  now: () => number;
  key: BackupKey;
  configuration: LoadedConfiguration;
  metadata: MetadataKeys;
  /** The repository's own identities; null with a key that cannot read. */
  identities: readonly string[] | null;
  counter_seen: number;
  warn: (text: string) => void;
}

/** What a check makes of an object's bytes. */
export type Checked<T> = { value: T } | { problem: string; newer?: boolean; forged?: boolean };

/**
 * Reads an object that must be there and pass its check. A damaged one is read again first: it may be the line.
 * @throws DamagedObject
 */
export async function readChecked<T>(
  { storage, signal }: Pick<Opened, "storage" | "signal">,
  object: string,
  check: (body: Uint8Array) => Checked<T> | Promise<Checked<T>>,
): Promise<{ value: T; body: Uint8Array; etag: string }> {
  for (let reads = 1; ; reads += 1) {
    const { body, etag } = await storage.read(object, signal).catch((error: unknown) => {
      if (isFailure(error, "missing")) {
        throw new DamagedObject(object, "is missing", HINTS.damaged, { error });
      }
      throw error;
    });
    const checked = await check(body);
    if ("value" in checked) return { value: checked.value, body, etag };
    if (reads < DAMAGE_READS && checked.newer !== true) continue;
    const hint = checked.newer ? HINTS.newer : checked.forged ? HINTS.forged : HINTS.damaged;
    throw new DamagedObject(object, checked.problem, hint);
  }
}
