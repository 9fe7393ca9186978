/** Vectorize, and whether it holds the chunks' vectors and no others; the packs in R2 that it can be rebuilt from. */

import { counted } from "../../ground/counted.ts";
import { iso } from "../../ground/time.ts";
import {
  OWED_TOLD_AFTER_MS,
  PARITY_COUNT_MAX,
  PARITY_COUNT_OFTEN_MAX,
  PARITY_VECTORS_MAX,
  SEARCH_DEPTH_MAX,
  VECTORIZE_SETTLING_MS,
} from "../../limits.ts";
import type { Work } from "../../work.ts";
import { batchOf, type Check, type Finding, foundOf, HEALTHY, rowsIfAny, rowsOf } from "./check.ts";

/** As the second version of Vectorize answers; the types know the first. */
interface Described {
  vectorCount: number;
  dimensions: number;
  processedUpToDatetime: string | null;
  processedUpToMutation: string;
}

async function describe({ env, timings }: Work): Promise<Described> {
  return (await timings.measure("vector read", () => env.VECTORIZE.describe())) as unknown as Described;
}

/** The nearest vectors of another direction each time: over many checks, a sample of the index. */
async function someVectors({ env, timings }: Work, dimensions: number): Promise<number[]> {
  const direction = Float32Array.from({ length: dimensions }, () => Math.random() - 0.5);
  const { matches } = await timings.measure("vector query", () =>
    env.VECTORIZE.query(direction, { topK: SEARCH_DEPTH_MAX, returnMetadata: "none" }),
  );
  return matches.map(({ id }) => Number(id));
}

export const vectorize: Check = {
  name: "vectorize",
  test: "ask Vectorize for the nearest vectors",
  async run(work) {
    const { vectorCount, dimensions, processedUpToDatetime, processedUpToMutation } = await describe(work);
    const matches = await someVectors(work, dimensions);
    const facts = {
      vectors: vectorCount,
      dimensions,
      processed_up_to: processedUpToDatetime,
      processed_up_to_mutation: processedUpToMutation,
    };
    if (vectorCount > 0 && matches.length === 0)
      return { status: "unhealthy", detail: "a query finds none of the vectors that the index counts", facts };
    return { status: "healthy", facts };
  },
};

export interface Parity {
  vectors: number;
  /** Chunks with a vector, counted up to `PARITY_COUNT_MAX`. */
  chunks: number;
  sampled: number;
  missing: number;
  /** Those of them that Vectorize was given long enough ago. */
  missing_long: number;
  orphans: number;
  /** What Vectorize has not been sent yet, and since when the oldest of it waits. */
  owed_upserts: number;
  owed_deletes: number;
  oldest_owed_ms: number | null;
  /** Null: not asked for. */
  last_write_ms: number | null;
}

export const vectorParity: Check = {
  name: "vector_parity",
  test: "compare chunks and vectors both ways: their counts, the newest and some chunks, the nearest of some vectors",
  needs: ["database", "tables", "vectorize"],
  run: (work) => compare(work, PARITY_COUNT_MAX, someVectors),
};

/**
 * What of it each evaluation of the alerts can afford: no query, whose dimensions cost, and the count of a small index. Where there are
 * more chunks than it counts, that it finds nothing proves nothing.
 */
export const quickParity: Check = {
  ...vectorParity,
  test: "compare the counts of chunks and vectors where they are few, the newest and some chunks",
  async run(work) {
    const found = await compare(work, PARITY_COUNT_OFTEN_MAX, async () => []);
    const isWhole = Number(found.facts?.chunks) <= PARITY_COUNT_OFTEN_MAX;
    return isWhole || found.status !== "healthy" ? found : { ...found, status: "unknown" };
  },
};

async function compare(work: Work, count_max: number, someOf: typeof someVectors): Promise<Finding> {
  const [described, [chunks = [], sample = [], owed = []]] = await Promise.all([
    describe(work),
    readDatabase(work, count_max),
  ]);
  const sampled = sample.map(({ id }) => id ?? 0);
  const [found, near] = await Promise.all([vectorsOf(work, sampled), someOf(work, described.dimensions)]);
  const [missing, orphans] = await Promise.all([
    notOwed(
      work,
      sampled.filter((id) => !found.has(id)),
    ),
    withoutChunk(work, near),
  ]);
  const parity: Parity = {
    vectors: described.vectorCount,
    chunks: chunks[0]?.count ?? 0,
    sampled: sampled.length,
    ...missing,
    orphans,
    owed_upserts: owed[0]?.upserts ?? 0,
    owed_deletes: owed[0]?.deletes ?? 0,
    oldest_owed_ms: owed[0]?.oldest_ms ?? null,
    last_write_ms: null,
  };
  const { processedUpToDatetime: processed_up_to } = described;
  const judged = (of: Parity) => ({
    ...judgeParity(of, count_max, work.now_ms, processed_up_to),
    facts: { ...of, processed_up_to },
  });
  const first = judged(parity);
  // A row for each tenant is read to know the last write: only where it matters.
  return first.status === "healthy" ? first : judged({ ...parity, last_write_ms: await lastWrite(work) });
}

async function lastWrite(work: Work): Promise<number> {
  const [row] = await rowsOf<{ last_ms: number | null }>(work, "SELECT max(changed_at_ms) AS last_ms FROM tenants");
  return row?.last_ms ?? 0;
}

interface Row {
  id?: number;
  count?: number;
  upserts?: number;
  deletes?: number;
  oldest_ms?: number | null;
}

function readDatabase(work: Work, count_max: number): Promise<Row[][]> {
  const { DB } = work.env;
  const half = PARITY_VECTORS_MAX / 2;
  const newest = "SELECT id FROM chunks WHERE pack_id IS NOT NULL ORDER BY id DESC LIMIT ?1";
  return batchOf<Row>(
    work,
    DB.prepare("SELECT count(*) AS count FROM (SELECT 1 FROM chunks WHERE pack_id IS NOT NULL LIMIT ?1)").bind(
      count_max + 1,
    ),
    DB.prepare(
      `SELECT id FROM (${newest}) UNION SELECT id FROM (
         SELECT id FROM chunks WHERE pack_id IS NOT NULL AND id >= ?2 * (SELECT max(id) FROM chunks) ORDER BY id LIMIT ?1)`,
    ).bind(half, Math.random()),
    DB.prepare(
      `SELECT coalesce(sum(json_array_length(upsert_chunk_ids)), 0) AS upserts,
         coalesce(sum(json_array_length(delete_chunk_ids)), 0) AS deletes, min(created_at_ms) AS oldest_ms FROM vector_outbox`,
    ),
  );
}

async function vectorsOf({ env, timings }: Work, ids: readonly number[]): Promise<Set<number>> {
  if (ids.length === 0) return new Set();
  const vectors = await timings.measure("vector read", () => env.VECTORIZE.getByIds(ids.map(String)));
  return new Set(vectors.map(({ id }) => Number(id)));
}

/** How many of these chunks have no vector although Vectorize was sent it, or lost its place in the outbox. */
async function notOwed(work: Work, ids: readonly number[]): Promise<Pick<Parity, "missing" | "missing_long">> {
  if (ids.length === 0) return { missing: 0, missing_long: 0 };
  const sql = `SELECT count(*) AS missing, coalesce(sum(packs.created_at_ms <= ?2), 0) AS missing_long
    FROM json_each(?1) AS wanted JOIN chunks ON chunks.id = wanted.value JOIN packs ON packs.id = chunks.pack_id
    WHERE wanted.value NOT IN (SELECT sent.value FROM vector_outbox, json_each(upsert_chunk_ids) AS sent)`;
  const settled_ms = work.now_ms - VECTORIZE_SETTLING_MS;
  const [row] = await rowsOf<Pick<Parity, "missing" | "missing_long">>(work, sql, JSON.stringify(ids), settled_ms);
  return row ?? { missing: 0, missing_long: 0 };
}

async function withoutChunk(work: Work, ids: readonly number[]): Promise<number> {
  if (ids.length === 0) return 0;
  const sql = `SELECT count(*) AS count FROM json_each(?1) AS found WHERE value NOT IN (SELECT id FROM chunks)
    AND value NOT IN (SELECT sent.value FROM vector_outbox, json_each(delete_chunk_ids) AS sent)`;
  const [row] = await rowsOf<{ count: number }>(work, sql, JSON.stringify(ids));
  return row?.count ?? 0;
}

/**
 * Pure. Vectorize applies changes within seconds, so after a write differences prove nothing for a minute, but for chunks that are older.
 * `count_max`: up to here chunks were counted.
 */
export function judgeParity(
  parity: Parity,
  count_max: number,
  now_ms: number,
  processed_up_to: string | null,
): Finding {
  const { vectors, chunks, sampled, missing, missing_long, orphans, last_write_ms } = parity;
  const { owed_upserts, owed_deletes, oldest_owed_ms } = parity;
  const faults: string[] = [];
  if (missing > 0) faults.push(`${missing} of ${counted(sampled, "chunk")} looked up have no vector`);
  if (orphans > 0) faults.push(`${orphans} of the vectors found have no chunk`);
  if (chunks <= count_max) {
    const against = `${counted(vectors, "vector")} ${vectors === 1 ? "stands" : "stand"} against ${counted(chunks, "chunk")}`;
    if (vectors > chunks + owed_deletes) faults.push(against);
    if (vectors < chunks - owed_upserts) faults.push(`only ${against}`);
  }
  const isSettling = last_write_ms !== null && now_ms - last_write_ms < VECTORIZE_SETTLING_MS;
  if (faults.length > 0 && missing_long === 0 && isSettling)
    return {
      status: "unknown",
      detail: `${faults.join("; ")}: the last write is younger than a minute and may be settling`,
    };
  if (oldest_owed_ms !== null && now_ms - oldest_owed_ms > OWED_TOLD_AFTER_MS)
    faults.push(`${counted(owed_upserts + owed_deletes, "change")} owed to Vectorize since ${iso(oldest_owed_ms)}`);
  if (faults.length === 0) return HEALTHY;
  faults.push(
    `Vectorize is stale or was changed by others: it has processed changes up to ${processed_up_to ?? "none"}`,
  );
  return { status: "unhealthy", detail: faults.join("; ") };
}

export const packs: Check = {
  name: "packs",
  test: "read the head of the newest vector pack in R2",
  needs: ["database"],
  async run(work) {
    const newest = "SELECT object_key FROM packs WHERE unreferenced_at_ms IS NULL ORDER BY id DESC LIMIT 1";
    const [pack] = await rowsIfAny<{ object_key: string }>(work, newest);
    return foundOf(() => readPack(work.env.VECTOR_PACKS, pack?.object_key));
  },
};

/** Without a key, where there is no pack or D1 does not name one, R2 is asked something else. */
async function readPack(bucket: R2Bucket, object_key: string | undefined): Promise<Finding> {
  if (object_key === undefined) {
    await bucket.list({ limit: 1 });
    return { status: "healthy", test: "list the packs in R2" };
  }
  const head = await bucket.get(object_key, { range: { offset: 0, length: 1 } });
  const read = head === null ? null : await head.arrayBuffer();
  if (read?.byteLength === 1) return HEALTHY;
  return { status: "unhealthy", detail: `the vector pack ${object_key} is missing: restore it from a backup` };
}
