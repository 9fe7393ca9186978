/** Answers kept in the caches: the one order in which the layers are asked, and for how long an answer is kept. */
import { Json } from "../ground/json.ts";
import { CACHE_LIFETIME_S, CACHE_SETTLING_LIFETIME_MS, VECTORIZE_SETTLING_MS } from "../limits.ts";
import { cacheCounters, isFresh, lookup, recall, remember, spread } from "../store/answer-cache.ts";
import { type IndexState, indexState } from "../store/index-state.ts";
import type { Work } from "../work.ts";

interface Keeping {
  /** Of `cacheKey`. */
  key: string;
  /** Also the Cache API and KV: worth it for answers that cost a model call. */
  beyond_isolate: boolean;
  /** Neither look nor keep, for callers who want to see how an answer comes about. */
  skip: boolean;
}

interface MadeAnswer<T> {
  answer: Json<T>;
  degraded: readonly string[];
  /** Of the data the answer was made from: read in the same transaction as the data, or before it. */
  index: IndexState;
  vector_used: boolean;
}

/**
 * The kept answer, or null. One D1 point read tells whether it is still of this index version; where nothing is kept it is
 * not needed.
 */
export async function recallAnswer<T>(work: Work, { key, beyond_isolate, skip }: Keeping): Promise<Json<T> | null> {
  if (skip) {
    work.cache_status = "bypass";
    return null;
  }
  const inMemory = recall(key);
  if (inMemory || beyond_isolate) {
    const [current, found] = await Promise.all([
      indexState(work.stores.db, work.caller.tenant),
      inMemory
        ? { entry: inMemory, layer: "memory" as const }
        : work.timings.measure("kv", () => lookup(work.env.CACHE, key)),
    ]);
    if (found && isFresh(found.entry, current.index_version, work.clock_ms())) {
      if (found.layer !== "memory") remember(key, found.entry);
      cacheCounters.hits[found.layer] += 1;
      work.cache_status = found.layer;
      return Json.read<T>(found.entry.body);
    }
  }
  cacheCounters.misses += 1;
  work.cache_status = "miss";
  return null;
}

/** Keeps an answer that was made because none was kept. One that is degraded must not be repeated. */
export function keepAnswer(work: Work, { key, beyond_isolate, skip }: Keeping, made: MadeAnswer<unknown>): void {
  if (skip || made.degraded.length > 0) return;
  const now_ms = work.clock_ms();
  const { index_version } = made.index;
  const entry = { index_version, fresh_until_ms: now_ms + lifetimeMs(made, now_ms), body: made.answer.text };
  remember(key, entry);
  if (beyond_isolate) work.later(spread(work.env.CACHE, work.timings, key, entry, now_ms));
}

/** Vectorize shows a write some seconds after D1 does: an answer from in between must not live long. */
function lifetimeMs({ index, vector_used }: MadeAnswer<unknown>, now_ms: number): number {
  const settling = vector_used && now_ms - index.changed_at_ms < VECTORIZE_SETTLING_MS;
  return settling ? CACHE_SETTLING_LIFETIME_MS : CACHE_LIFETIME_S * 1000;
}
