/** Chunks beside their packs in R2 and their vectors in Vectorize, and vectors beside their chunks. */
import { setTimeout as pause } from "node:timers/promises";
import pMap from "p-map";
import { portions } from "../../../worker/ground/portions.ts";
import { chunkHash } from "../../../worker/rag/text/normalise.ts";
import { type IndexEntry, indexEntry } from "../../../worker/vectors/index-entry.ts";
import { decodePack } from "../../../worker/vectors/vector-pack.ts";
import type { D1Connection, JsonValue } from "../../d1/connection.ts";
import { queryNumber, queryTexts } from "../../d1/query.ts";
import type { StoreSession, VectorStore } from "../../generation/stores.ts";
import { type FoundVector, VectorIndex } from "../../generation/vector-index.ts";
import { changeLogHead } from "../../generation/vector-rows.ts";
import { INDEX_CHECK_ROWS, PACK_READERS, SETTLE_POLL_MS, VECTOR_GET_IDS, VECTOR_READERS } from "../../limits.ts";
import { absent } from "../../storage/storage.ts";
import { announce, findOrphanVectors, unsettledChunks } from "../../vacuum/orphan-vectors.ts";
import { whileWaiting } from "../../waits.ts";
import type { Findings } from "./kinds.ts";
import {
  type Asked,
  type ChunkFacts,
  type PackFacts,
  placeDisparity,
  rowDisparities,
  vectorDisparities,
} from "./rules.ts";

const CHUNKS = `SELECT c.id, d.tenant, c.tenant_term, c.title, d.title, c.heading, c.text, c.original IS NOT NULL, c.content_hash,
    d.id IS NOT NULL AND c.id IN (SELECT value FROM json_each(d.chunk_ids)),
    c.pack_id IS NULL AND EXISTS (SELECT 1 FROM vector_outbox, json_each(upsert_chunk_ids) o WHERE o.value = c.id),
    d.metadata, p.object_key, c.pack_slot, p.embedding_model, p.dimensions, p.vector_count
  FROM chunks c LEFT JOIN documents d ON d.id = c.document_id LEFT JOIN packs p ON p.id = c.pack_id
  WHERE c.id > ?1 ORDER BY c.id LIMIT ${INDEX_CHECK_ROWS}`;

interface Chunk extends ChunkFacts {
  id: number;
  metadata: string;
  object_key: string;
  vector_count: number;
}

interface Pack {
  facts: PackFacts;
  vectors: readonly Float32Array[];
}

interface Checked {
  chunks: number;
  vectors: number;
}

/**
 * Compares everything. What differs in the index is looked at again until `settled_by_ms`, for Vectorize shows a write seconds later; what
 * callers change meanwhile is no disparity. Vectors come back 20 a request: 80 a second at Cloudflare's limit.
 * @throws OpsError in the words of D1, Vectorize or the storage.
 */
export async function checkChunks(
  { session, database, store, asked }: Compared,
  findings: Findings,
  settled_by_ms: number,
): Promise<Checked> {
  const { signal, progress } = session;
  const index = new VectorIndex(session, store.name);
  const since_seq = await changeLogHead(database);
  const total = await queryNumber(database, "SELECT count(*) FROM chunks");
  announce(session, "read back and compared", Math.ceil(total / VECTOR_GET_IDS));
  progress.start("chunks", total);
  const checked: Checked = { chunks: 0, vectors: 0 };
  let packs = new Map<string, Pack>();
  const suspects = new Map<string, IndexEntry>();
  for (let after = 0, isLast = false; !isLast; ) {
    signal.throwIfAborted();
    const [page] = await database.batch([{ sql: CHUNKS, params: [after] }]);
    const chunks: Chunk[] = [];
    for (const row of page?.rows ?? []) chunks.push(await chunkOf(database, row));
    packs = await readPacks(session, chunks, packs);
    const entries: IndexEntry[] = [];
    for (const chunk of chunks) {
      for (const kind of rowDisparities(chunk)) findings.add(kind, chunk.id);
      if (!chunk.is_listed) continue;
      const pack = packs.get(chunk.object_key);
      const misplaced = placeDisparity(chunk, pack?.facts, asked);
      if (misplaced !== null) findings.add(misplaced, chunk.id);
      const values = pack?.vectors[chunk.place?.slot ?? -1];
      if (misplaced !== null || values === undefined) continue;
      entries.push(indexEntry({ ...chunk, values, metadata: JSON.parse(chunk.metadata) }));
    }
    for (const entry of await differing(index, entries)) suspects.set(entry.id, entry);
    checked.chunks += chunks.length;
    checked.vectors += entries.length;
    progress.update(checked.chunks);
    isLast = chunks.length < INDEX_CHECK_ROWS;
    after = chunks.at(-1)?.id ?? after;
  }
  progress.stop();
  const orphans = new Set<string>();
  for await (const ids of findOrphanVectors(session, database, index)) for (const id of ids) orphans.add(id);
  const wait = { for: "Vectorize to show what was written last", limit_ms: null };
  await whileWaiting(wait, async () => {
    for (;;) {
      const unsettled = await unsettledChunks(database, since_seq);
      for (const id of unsettled) {
        suspects.delete(id);
        orphans.delete(id);
      }
      if (session.now() >= settled_by_ms || suspects.size + orphans.size === 0) return;
      await pause(SETTLE_POLL_MS, undefined, { signal });
      const still = new Set((await differing(index, [...suspects.values()])).map(({ id }) => id));
      for (const id of suspects.keys()) if (!still.has(id)) suspects.delete(id);
      const there = await found(index, [...orphans]);
      for (const id of orphans) if (!there.has(id)) orphans.delete(id);
    }
  });
  const shown = await found(index, [...suspects.keys()]);
  for (const [id, wanted] of suspects)
    for (const kind of vectorDisparities(wanted, shown.get(id))) findings.add(kind, id);
  for (const id of orphans) findings.add("vector-orphan", id);
  return checked;
}

export interface Compared {
  session: StoreSession;
  database: D1Connection;
  store: VectorStore;
  asked: Asked;
}

async function chunkOf(database: D1Connection, row: JsonValue[]): Promise<Chunk> {
  const [id, tenant, tenant_term, title, document_title, heading, text, hasOriginal, content_hash, listed, owed] = row;
  const [metadata, object_key, slot, model, dimensions, vector_count] = row.slice(11);
  let original: string | null = null;
  // One at a time: each may have a megabyte.
  if (hasOriginal === 1)
    [original = null] = await queryTexts(database, "SELECT original FROM chunks WHERE id = ?1", [id ?? 0]);
  const isPlaced = typeof object_key === "string";
  return {
    id: Number(id),
    tenant: String(tenant),
    tenant_term: String(tenant_term),
    title: String(title),
    document_title: String(document_title),
    is_listed: listed === 1,
    content_hash: String(content_hash),
    actual_hash: await chunkHash({ title: String(title), heading: String(heading), text: String(text), original }),
    is_owed: owed === 1,
    place: isPlaced ? { slot: Number(slot ?? -1), model: String(model), dimensions: Number(dimensions) } : null,
    metadata: String(metadata ?? "{}"),
    object_key: isPlaced ? object_key : "",
    vector_count: Number(vector_count),
  };
}

/** The packs that these chunks point into, each read once; `before`: those of the last page, which are often the same. */
async function readPacks(
  { bucket, steady }: StoreSession,
  chunks: readonly Chunk[],
  before: ReadonlyMap<string, Pack>,
): Promise<Map<string, Pack>> {
  const wanted = new Map(chunks.filter(({ place }) => place !== null).map((chunk) => [chunk.object_key, chunk]));
  const packs = await pMap(
    wanted,
    async ([key, chunk]): Promise<[string, Pack]> => {
      const known = before.get(key);
      if (known) return [key, known];
      const body = await bucket.read(key, steady).catch(absent);
      if (body === undefined) return [key, { facts: "missing", vectors: [] }];
      const pack = await decodePack(body.body).catch(() => null);
      const isAsSaid =
        pack?.key === key &&
        pack.embedding_model === chunk.place?.model &&
        pack.dimensions === chunk.place.dimensions &&
        pack.count === chunk.vector_count;
      if (!isAsSaid) return [key, { facts: "damaged", vectors: [] }];
      const content_hashes = pack.entries.map(({ content_hash }) => content_hash);
      return [key, { facts: { content_hashes }, vectors: pack.entries.map(({ vector }) => vector) }];
    },
    { concurrency: PACK_READERS },
  );
  return new Map(packs);
}

async function differing(index: VectorIndex, entries: readonly IndexEntry[]): Promise<IndexEntry[]> {
  const vectors = await found(
    index,
    entries.map(({ id }) => id),
  );
  return entries.filter((entry) => vectorDisparities(entry, vectors.get(entry.id)).length > 0);
}

/** What the index shows of these. */
async function found(index: VectorIndex, ids: readonly string[]): Promise<Map<string, FoundVector>> {
  const parts = portions(ids, VECTOR_GET_IDS);
  const vectors = await pMap(parts, (part) => index.get(part), { concurrency: VECTOR_READERS });
  return new Map(vectors.flat().map((vector) => [vector.id, vector]));
}
