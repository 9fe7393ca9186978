/** The configuration namespace as a step of a restore and of its undo. */
import { z } from "zod";
import { decodeEntries, type KeyValueEntry } from "../backup/snapshot/config-namespace.ts";
import type { StoreSession } from "../generation/stores.ts";
import type { SnapshotSource } from "./fills.ts";
import { changeNamespace, namespaceChange } from "./key-value.ts";
import { type RestoreRecord, writeRestoreRecord } from "./restore-record.ts";

/** How many keys. */
export const configRestored = z.strictObject({ written: z.int(), removed: z.int() });

/** What the snapshot has; nothing where it is of a database alone. */
export async function readConfig({ snapshot, manifest }: SnapshotSource): Promise<KeyValueEntry[]> {
  const { stores } = manifest.body;
  return stores === null ? [] : decodeEntries(await snapshot.readPart(stores.config.part));
}

/** What was there is written down before the first change, and not again when the restore goes on. */
export async function restoreConfig(
  session: StoreSession,
  entries: readonly KeyValueEntry[],
  record: RestoreRecord,
): Promise<z.infer<typeof configRestored> & { record: RestoreRecord }> {
  const place = { account_id: session.account_id, namespace_id: (await session.target.resources()).kv.config };
  const change = await namespaceChange(session.api, place, entries, session.now());
  const kept = { ...record, config_before: record.config_before ?? change.before };
  await writeRestoreRecord(session.bucket, kept, session.steady);
  await changeNamespace(session.api, place, change);
  return { record: kept, written: change.write.length, removed: change.remove.length };
}
