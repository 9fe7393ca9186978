/** Entries of the cache namespace that never end. The Worker gives each an end, and KV removes it then: these are somebody else's. */
import type { Cloudflare } from "../cloudflare/official.ts";
import { changeNamespace } from "../restore/key-value.ts";

/** Returns how many there are, or were. @throws OpsError in KV's words. */
export async function removeEndlessEntries(
  api: Cloudflare,
  place: { account_id: string; namespace_id: string },
  dry_run: boolean,
): Promise<number> {
  const endless: string[] = [];
  const { account_id, namespace_id } = place;
  for await (const { name, expiration } of api.kv.namespaces.keys.list(namespace_id, { account_id }))
    if (expiration === undefined || expiration === null) endless.push(name);
  if (!dry_run) await changeNamespace(api, place, { write: [], remove: endless });
  return endless.length;
}
