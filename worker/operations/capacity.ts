/** How much of what the plan allows is used, for how long the rest will last. */

import type { z } from "zod";
import { STORES } from "../../infra/cloudflare-limits.ts";
import { DAY_MS } from "../ground/time.ts";
import type { capacityReport } from "../schemas/monitoring.ts";
import type { Work } from "../work.ts";
import { allowancesOf } from "./allowances.ts";

type Store = z.infer<typeof capacityReport>["stores"][number];
const WEEK_DAYS = 7;

/** @throws Problem `metrics-unavailable` when the meter does not answer; what D1 and Vectorize throw. */
export async function reportCapacity(work: Work): Promise<z.infer<typeof capacityReport>> {
  const { stores, now_ms } = work;
  const since_ms = now_ms - WEEK_DAYS * DAY_MS;
  const sql = "SELECT coalesce(sum(vector_count), 0) AS added FROM packs WHERE created_at_ms >= ?1";
  const [daily, { database, vectors, dimensions }, { results }] = await Promise.all([
    allowancesOf(work),
    usedStores(work),
    stores.db.prepare(sql).bind(since_ms).all<{ added: number }>(),
  ]);
  const added = (results[0]?.added ?? 0) * dimensions;
  return {
    daily,
    stores: [
      storeOf("database", "bytes", database.used, database.limit, null),
      storeOf("vectors", "dimensions", vectors.used, vectors.limit, added),
    ],
  };
}

/** Bytes of the database, and dimensions of all vectors, with what the plan stores of each. @throws what D1 and Vectorize throw. */
export async function usedStores({ env, timings, stores }: Work) {
  const [described, { meta }] = await Promise.all([
    timings.measure("vector read", () => env.VECTORIZE.describe()),
    stores.db.prepare("SELECT 1").run(),
  ]);
  const { vectorCount, dimensions } = described as unknown as { vectorCount: number; dimensions: number };
  const { d1_bytes, vectorize_dimensions } = STORES[env.PLAN];
  return {
    database: { used: meta.size_after, limit: d1_bytes },
    vectors: { used: vectorCount * dimensions, limit: vectorize_dimensions },
    dimensions,
  };
}

/** Pure. What was added is an upper bound of the growth, since documents are replaced, too. */
export function storeOf(
  store: string,
  unit: string,
  used: number,
  limit: number,
  added_last_7_days: number | null,
): Store {
  const pace = (added_last_7_days ?? 0) / WEEK_DAYS;
  return {
    store,
    unit,
    used,
    limit,
    usage_percentage: (100 * used) / limit,
    added_last_7_days,
    days_left: pace === 0 ? null : Math.max(0, limit - used) / pace,
  };
}
