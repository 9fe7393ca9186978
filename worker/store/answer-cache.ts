/**
 * Answers kept in layers: isolate memory, the Cache API (which does nothing on workers.dev hosts), KV.
 *
 * An entry carries the tenant's index version of its making and is only served while that is still the version, so
 * a write invalidates every layer at once without touching one. KV is written on a key's second hit only and within
 * a daily budget, because the free plan has 1 000 writes a day.
 */

import { BoundedMap } from "../ground/bounded-map.ts";
import { sha256 } from "../ground/digest.ts";
import { DAY_MS } from "../ground/time.ts";
import {
  CACHE_ENTRY_CHARS_MAX,
  CACHE_KV_WRITES_PER_DAY_MAX,
  CACHE_LIFETIME_S,
  CACHE_MEMORY_CHARS_MAX,
  CACHE_MEMORY_ENTRIES_MAX,
  CACHE_SEEN_KEYS_MAX,
} from "../limits.ts";
import type { Timings } from "../telemetry/timings.ts";

interface CacheEntry {
  index_version: number;
  fresh_until_ms: number;
  /** The answer as JSON text. */
  body: string;
}

/** What a look for an answer may end with: the last three are the layers where it was found. */
export const CACHE_STATUSES = ["miss", "bypass", "memory", "edge", "kv"] as const;

/** Counts since the isolate started. */
export const cacheCounters = { hits: { memory: 0, edge: 0, kv: 0 }, misses: 0, evictions: 0 };

const memory = new Map<string, CacheEntry>();
let memoryChars = 0;
const seen = new BoundedMap<true>(CACHE_SEEN_KEYS_MAX);
let kvBudget = { day: 0, writes: 0 };

/** Grows with the shape of the kept answers: those of an older deployment are then not read. */
const ANSWER_FORMAT = 3;

/** One name for one question: the tenant and everything the answer depends on, hashed. */
export function cacheKey(tenant: string, kind: "search" | "chat", question: unknown): Promise<string> {
  return sha256(JSON.stringify([ANSWER_FORMAT, tenant, kind, question]));
}

/** What isolate memory holds; whether it is still valid is for the caller to find out. */
export function recall(key: string): CacheEntry | undefined {
  const entry = memory.get(key);
  if (!entry) return undefined;
  memory.delete(key);
  memory.set(key, entry);
  return entry;
}

export function isFresh(entry: CacheEntry, index_version: number, now_ms: number): boolean {
  return entry.index_version === index_version && now_ms < entry.fresh_until_ms;
}

/** Looks beyond the isolate, in both layers at once. Their failures are misses: a cache must not fail a request. */
export async function lookup(
  kv: KVNamespace,
  key: string,
): Promise<{ entry: CacheEntry; layer: "edge" | "kv" } | null> {
  const [edge, stored] = await Promise.all([
    caches.default
      .match(edgeRequest(key))
      .then((response) => response?.json<CacheEntry>() ?? null)
      .catch(() => null),
    kv.get<CacheEntry>(`answer:${key}`, "json").catch(() => null),
  ]);
  if (edge) return { entry: edge, layer: "edge" };
  return stored ? { entry: stored, layer: "kv" } : null;
}

/** Keeps an answer in memory. */
export function remember(key: string, entry: CacheEntry): void {
  if (entry.body.length > CACHE_ENTRY_CHARS_MAX) return;
  forget(key);
  memory.set(key, entry);
  memoryChars += entry.body.length;
  for (const oldest of memory.keys()) {
    if (memory.size <= CACHE_MEMORY_ENTRIES_MAX && memoryChars <= CACHE_MEMORY_CHARS_MAX) break;
    forget(oldest);
    cacheCounters.evictions += 1;
  }
}

/** Answers in this isolate's memory. */
export function rememberedAnswers(): number {
  return memory.size;
}

function forget(key: string): void {
  const entry = memory.get(key);
  if (!entry) return;
  memory.delete(key);
  memoryChars -= entry.body.length;
}

/** Spreads an answer beyond the isolate; for `waitUntil`. The second time a key is asked for, KV gets it too. */
export async function spread(
  kv: KVNamespace,
  { counts }: Timings,
  key: string,
  entry: CacheEntry,
  now_ms: number,
): Promise<void> {
  if (entry.body.length > CACHE_ENTRY_CHARS_MAX) return;
  const secondTime = seen.get(key) === true;
  seen.set(key, true);
  const body = JSON.stringify(entry);
  const writes: Promise<unknown>[] = [
    caches.default.put(
      edgeRequest(key),
      new Response(body, { headers: { "cache-control": `max-age=${CACHE_LIFETIME_S}` } }),
    ),
  ];
  if (secondTime && takeKvWrite(now_ms)) {
    counts.kv_writes += 1;
    writes.push(kv.put(`answer:${key}`, body, { expirationTtl: CACHE_LIFETIME_S }));
  }
  await Promise.allSettled(writes);
}

function takeKvWrite(now_ms: number): boolean {
  const day = Math.floor(now_ms / DAY_MS);
  if (kvBudget.day !== day) kvBudget = { day, writes: 0 };
  if (kvBudget.writes >= CACHE_KV_WRITES_PER_DAY_MAX) return false;
  kvBudget.writes += 1;
  return true;
}

function edgeRequest(key: string): Request {
  return new Request(`https://cache.prism.internal/${key}`);
}
