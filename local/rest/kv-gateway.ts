/**
 * KV from Node by one HTTP call for many keys. miniflare's Node proxy takes about 10 ms for each key; this reaches
 * the bindings inside workerd through `kv-gateway-worker.js`.
 */
import { portions } from "../../worker/ground/portions.ts";

interface KvEntry {
  value: Uint8Array;
  metadata: unknown;
}
interface KvWrite extends KvEntry {
  key: string;
  /** Seconds from now, or since the epoch, as `KVNamespace.put` takes them. */
  expirationTtl?: number;
  expiration?: number;
}
interface KvPage {
  keys: { name: string; expiration?: number; metadata?: unknown }[];
  list_complete: boolean;
  cursor?: string;
}

/** One namespace. */
export interface KvGateway {
  list(options: { limit: number; prefix?: string | undefined; cursor?: string | undefined }): Promise<KvPage>;
  /** In the order of `keys`; null for a key that is not there. */
  read(keys: readonly string[]): Promise<(KvEntry | null)[]>;
  /** Answers the keys that could not be written. */
  write(entries: readonly KvWrite[]): Promise<string[]>;
  /** Answers the keys that could not be removed. */
  remove(keys: readonly string[]): Promise<string[]>;
}

interface GatewayResponse {
  ok: boolean;
  json(): Promise<unknown>;
  text(): Promise<string>;
}

/** Entries in one call: bounds what workerd holds at once. */
const CHUNK = 500;

/** `fetch` reaches the Worker that runs `kv-gateway-worker.js`; `binding` is the namespace's binding name there. */
export function gatewayKv(
  fetch: (url: string, init: { method: "POST"; body: string }) => Promise<GatewayResponse>,
  binding: string,
): KvGateway {
  const call = async (operation: string, input: object): Promise<unknown> => {
    const body = JSON.stringify({ operation, ...input });
    const response = await fetch(`http://kv/${encodeURIComponent(binding)}`, { method: "POST", body });
    if (!response.ok) throw new Error(`KV ${operation} failed: ${await response.text()}`);
    return response.json();
  };
  const inChunks = async <T>(
    items: readonly T[],
    work: (chunk: readonly T[]) => Promise<unknown>,
  ): Promise<string[]> => {
    const failed: string[] = [];
    for (const chunk of portions(items, CHUNK)) failed.push(...((await work(chunk)) as string[]));
    return failed;
  };
  return {
    list: async (options) => (await call("list", { options })) as KvPage,
    read: async (keys) => {
      const entries = (await call("read", { keys })) as ({ value: string; metadata: unknown } | null)[];
      return entries.map((one) => one && { value: Buffer.from(one.value, "base64"), metadata: one.metadata });
    },
    write: (entries) =>
      inChunks(entries, (chunk) =>
        call("write", {
          entries: chunk.map(({ key, value, ...options }) => ({
            key,
            value: Buffer.from(value).toString("base64"),
            options,
          })),
        }),
      ),
    remove: (keys) => inChunks(keys, (chunk) => call("remove", { keys: chunk })),
  };
}
