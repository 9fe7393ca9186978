/** The KV namespace that is state (configuration, blocklist, incidents): its keys with values, metadata and expiry. */
import type { Key } from "cloudflare/resources/kv/namespaces/keys";
import pMap from "p-map";
import { z } from "zod";
import type { Cloudflare } from "../../cloudflare/official.ts";
import { KV_READERS } from "../../limits.ts";

export const keyValueEntry = z.object({
  key: z.string(),
  value_base64: z.string(),
  metadata: z.unknown(),
  /** Seconds since 1970; null: never. */
  expiration: z.number().nullable(),
});
export type KeyValueEntry = z.infer<typeof keyValueEntry>;
const ENTRIES = z.object({ entries: z.array(keyValueEntry) });

/** Every entry, by key. One that expires or goes while it is read is left out. @throws OpsError in the API's words. */
export async function readNamespace(api: Cloudflare, account_id: string, namespace_id: string) {
  const { keys, values } = api.kv.namespaces;
  const listed: Key[] = [];
  for await (const key of keys.list(namespace_id, { account_id })) listed.push(key);
  const entries = await pMap(
    listed,
    async ({ name, metadata = null, expiration = null }): Promise<KeyValueEntry | null> => {
      const value = await values.get(name, { account_id, namespace_id }).catch((error: unknown) => {
        if ((error as { status?: number }).status === 404) return null;
        throw error;
      });
      if (value === null) return null;
      const value_base64 = Buffer.from(await value.arrayBuffer()).toString("base64");
      return { key: name, value_base64, metadata, expiration };
    },
    { concurrency: KV_READERS },
  );
  return entries.filter((entry) => entry !== null).sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** The part that holds entries. */
export function encodeEntries(entries: readonly KeyValueEntry[]): Buffer {
  return Buffer.from(JSON.stringify({ entries }));
}

/** @throws Error when the bytes are none that `encodeEntries` made. */
export function decodeEntries(part: Uint8Array): KeyValueEntry[] {
  return ENTRIES.parse(JSON.parse(Buffer.from(part).toString())).entries;
}
