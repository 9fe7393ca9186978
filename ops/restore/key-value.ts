/** The KV namespace that is state, brought to what a list of entries says; what was there before is given back, for the undo. */
import { isDeepStrictEqual } from "node:util";
import { portions } from "../../worker/ground/portions.ts";
import { type KeyValueEntry, readNamespace } from "../backup/snapshot/config-namespace.ts";
import type { Cloudflare } from "../cloudflare/official.ts";
import { OpsError } from "../command/errors.ts";
import { KV_BULK_KEYS_MAX, KV_EXPIRY_MIN_S } from "../limits.ts";

interface NamespaceChange {
  write: KeyValueEntry[];
  remove: string[];
  /** Everything that was there. */
  before: KeyValueEntry[];
}

/** What would change. Entries that have expired since, or will in a minute, which KV refuses, are left out. */
export async function namespaceChange(
  api: Cloudflare,
  place: { account_id: string; namespace_id: string },
  entries: readonly KeyValueEntry[],
  now_ms: number,
): Promise<NamespaceChange> {
  const before = await readNamespace(api, place.account_id, place.namespace_id);
  const there = new Map(before.map((entry) => [entry.key, entry]));
  const alive = entries.filter(({ expiration }) => expiration === null || expiration > now_ms / 1000 + KV_EXPIRY_MIN_S);
  const wanted = new Set(alive.map(({ key }) => key));
  return {
    write: alive.filter((entry) => !isDeepStrictEqual(there.get(entry.key), entry)),
    remove: before.map(({ key }) => key).filter((key) => !wanted.has(key)),
    before,
  };
}

/** @throws OpsError naming a key that KV did not take. */
export async function changeNamespace(
  api: Cloudflare,
  { account_id, namespace_id }: { account_id: string; namespace_id: string },
  { write, remove }: Pick<NamespaceChange, "write" | "remove">,
): Promise<void> {
  const { namespaces } = api.kv;
  for (const part of portions(write, KV_BULK_KEYS_MAX)) {
    const body = part.map(({ key, value_base64, metadata, expiration }) => ({
      key,
      value: value_base64,
      base64: true,
      ...(metadata === null ? {} : { metadata }),
      ...(expiration === null ? {} : { expiration }),
    }));
    refuseShort(await namespaces.bulkUpdate(namespace_id, { account_id, body }));
  }
  for (const body of portions(remove, KV_BULK_KEYS_MAX)) {
    refuseShort(await namespaces.bulkDelete(namespace_id, { account_id, body }));
  }
}

function refuseShort(answer: { unsuccessful_keys?: string[] } | null): void {
  const [key] = answer?.unsuccessful_keys ?? [];
  if (key === undefined) return;
  throw new OpsError({
    op: "write",
    subject: `KV key ${key}`,
    cause: "KV did not take it",
    hint: "repeat the command: it goes on from here",
  });
}
