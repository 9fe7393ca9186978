/** For tests: everything that a stack holds, by hash, read past the service. */
import { createHash } from "node:crypto";
import { BUCKETS } from "../../infra/inventory.ts";
import { liveOf } from "../../infra/outputs.ts";
import type { Platform } from "../../local/platform.ts";
import { portions } from "../../worker/ground/portions.ts";
import { readNamespace } from "../backup/snapshot/config-namespace.ts";
import { LEFT_OUT } from "../backup/snapshot/database-look.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import type { D1Connection } from "../d1/connection.ts";
import { restD1 } from "../d1/rest-connection.ts";
import { readSchema } from "../d1/schema.ts";
import { hashTable } from "../d1/table-hash.ts";
import { VECTOR_GET_IDS } from "../limits.ts";
import { locateStack } from "../stack/locate.ts";

const signal = new AbortController().signal;

export async function liveStack({ api_url, account_id, api_token: token }: Platform, data_dir: string) {
  const resources = await (await locateStack("local", data_dir, {}, signal)).resources();
  const api = createCloudflare({ api_url, account_id, token }, { signal });
  const id = liveOf(resources.database)?.id ?? "";
  const index = liveOf(resources.vectors)?.name ?? "";
  return { api, account_id, resources, database: restD1(api, account_id, id), index };
}

/**
 * Each table, vector, object and configuration key with its hash. Of the audit log what the service itself wrote: the other entries
 * tell of the commands under test.
 */
export async function stackState(platform: Platform, data_dir: string): Promise<Record<string, string>> {
  const { api, account_id, resources, database, index } = await liveStack(platform, data_dir);
  const state: Record<string, string> = await tableHashes(database);
  await platform.vectorize.flush();
  for (let cursor: string | undefined, more = true; more; ) {
    const page = platform.vectorize.listVectors(index, 1000, cursor);
    const ids = page.vectors.map(({ id }) => id);
    for (const part of portions(ids, VECTOR_GET_IDS)) {
      for (const vector of platform.vectorize.getByIds(index, part)) {
        const { id, namespace, metadata, values } = vector;
        const hash = createHash("sha256").update(JSON.stringify([namespace, Object.entries(metadata ?? {}).sort()]));
        state[`vector ${id}`] = hash.update(Buffer.from(Float32Array.from(values).buffer)).digest("hex");
      }
    }
    cursor = page.nextCursor ?? undefined;
    more = cursor !== undefined;
  }
  for (const entry of await readNamespace(api, account_id, resources.kv.config))
    state[`config ${entry.key}`] = JSON.stringify(entry);
  const bucket = await platform.runtime.r2(BUCKETS.vectors.name);
  const { objects } = await bucket.list({ prefix: "packs/" });
  for (const { key, etag } of objects) state[`object ${key}`] = etag;
  return state;
}

async function tableHashes(database: D1Connection): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const table of (await readSchema(database)).tables) {
    if (LEFT_OUT.some(({ name }) => name === table.name) || table.name === "audit_log") continue;
    const hash = await hashTable(database, table);
    hashes[`table ${table.name}`] = `${hash.rows} ${hash.digest}`;
  }
  const [log] = await database.batch([{ sql: "SELECT * FROM audit_log WHERE source = 'service' ORDER BY seq" }]);
  return { ...hashes, "audit log": createHash("sha256").update(JSON.stringify(log?.rows)).digest("hex") };
}

/** Deletes every database, vector index and namespace of the account, as a disaster would. */
export async function destroyStores(platform: Platform, data_dir: string): Promise<void> {
  const { api, account_id } = await liveStack(platform, data_dir);
  for (const { uuid = "" } of (await api.d1.database.list({ account_id })).result)
    await api.d1.database.delete(uuid, { account_id });
  for (const { name = "" } of (await api.vectorize.indexes.list({ account_id })).result)
    await api.vectorize.indexes.delete(name, { account_id });
  for (const { id } of (await api.kv.namespaces.list({ account_id })).result)
    await api.kv.namespaces.delete(id, { account_id });
}
