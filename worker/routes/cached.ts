/** Serving an answer from the caches, or making it: the one order in which the layers are asked. */
import type { Context } from "hono";
import type { App } from "../context.ts";
import { CACHE_LIFETIME_S, CACHE_SETTLING_LIFETIME_MS, VECTORIZE_SETTLING_MS } from "../limits.ts";
import { type CacheEntry, cacheCounters, isFresh, lookup, recall, remember, spread } from "../store/answer-cache.ts";
import { type IndexState, indexState } from "../store/index-state.ts";

export interface MadeAnswer {
  /** JSON text. */
  body: string;
  /** False for answers that a cache must not repeat, e.g. degraded ones. */
  keep: boolean;
  /** Of the data the answer was made from: read in the same transaction as the data, or before it. */
  index: IndexState;
  vector_used: boolean;
}

/**
 * The answer's JSON text. One D1 point read tells whether a kept answer is still of this index version; without a
 * kept answer it is not needed. `beyond_isolate` also asks the Cache API and KV: worth it for answers that cost a
 * model call.
 */
export async function cached(
  c: Context<App>,
  db: D1Database,
  key: string,
  options: { beyond_isolate: boolean; skip: boolean },
  make: () => Promise<MadeAnswer>,
): Promise<string> {
  if (options.skip) {
    c.set("cache_status", "bypass");
    return (await make()).body;
  }
  const { tenant } = c.get("principal");
  const inMemory = recall(key);
  if (inMemory || options.beyond_isolate) {
    const [current, found] = await Promise.all([
      indexState(db, tenant),
      inMemory ? { entry: inMemory, layer: "memory" as const } : timedLookup(c, key),
    ]);
    if (found && isFresh(found.entry, current.index_version, Date.now())) {
      if (found.layer !== "memory") remember(key, found.entry);
      cacheCounters.hits[found.layer] += 1;
      c.set("cache_status", found.layer);
      return found.entry.body;
    }
  }
  cacheCounters.misses += 1;
  c.set("cache_status", "miss");
  const made = await make();
  if (made.keep) {
    const now_ms = Date.now();
    const entry: CacheEntry = {
      index_version: made.index.index_version,
      fresh_until_ms: now_ms + lifetimeMs(made, now_ms),
      body: made.body,
    };
    remember(key, entry);
    if (options.beyond_isolate) c.executionCtx.waitUntil(spread(c.env.CACHE, key, entry, now_ms));
  }
  return made.body;
}

/** Vectorize shows a write some seconds after D1 does: an answer from in between must not live long. */
function lifetimeMs({ index, vector_used }: MadeAnswer, now_ms: number): number {
  const settling = vector_used && now_ms - index.changed_at_ms < VECTORIZE_SETTLING_MS;
  return settling ? CACHE_SETTLING_LIFETIME_MS : CACHE_LIFETIME_S * 1000;
}

function timedLookup(c: Context<App>, key: string) {
  return c.get("timings").measure("kv", () => lookup(c.env.CACHE, key));
}
