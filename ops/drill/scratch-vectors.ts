/** The vectors of a snapshot into a scratch index, and every one of them compared with the pack that it came from. */
import { setTimeout as pause } from "node:timers/promises";
import { counted } from "../../worker/ground/counted.ts";
import { portions } from "../../worker/ground/portions.ts";
import { type IndexEntry, indexEntry } from "../../worker/vectors/index-entry.ts";
import { decodePack } from "../../worker/vectors/vector-pack.ts";
import type { BucketSummary } from "../backup/manifest.ts";
import type { Snapshot } from "../backup/repository/repository.ts";
import { readObjects } from "../backup/snapshot/bucket-copy.ts";
import type { D1Connection } from "../d1/connection.ts";
import { queryRows } from "../d1/query.ts";
import type { VectorIndex } from "../generation/vector-index.ts";
import { vectorIds } from "../generation/vector-rows.ts";
import {
  DRILL_COMPARED_MAX,
  SETTLE_POLL_MS,
  VECTOR_GET_IDS,
  VECTOR_ROWS_PER_PAGE,
  VECTORS_VISIBLE_MAX_MS,
} from "../limits.ts";
import { whileWaiting } from "../waits.ts";

interface ScratchVectors {
  vectors: number;
  /** Read back from the index and compared value by value. */
  compared: number;
  /** A few of them, to be asked for. */
  samples: IndexEntry[];
  differences: string[];
}

const SAMPLES = 10;

export async function fillScratchIndex(
  snapshot: Pick<Snapshot, "readPart">,
  bucket: BucketSummary,
  stores: { connection: D1Connection; index: VectorIndex },
  signal: AbortSignal,
): Promise<ScratchVectors> {
  const { connection, index } = stores;
  const kept: IndexEntry[] = [];
  const result: ScratchVectors = { vectors: 0, compared: 0, samples: [], differences: [] };
  let packs = new Map<string, Float32Array[]>();
  let waiting = 0;
  const send = async () => {
    const entries = await entriesOf(packs, connection);
    await index.upsert(entries);
    result.vectors += entries.length;
    kept.push(...entries.slice(0, Math.max(0, DRILL_COMPARED_MAX - kept.length)));
    packs = new Map();
    waiting = 0;
  };
  for await (const { key, body } of readObjects(snapshot, bucket)) {
    if (!key.startsWith("packs/")) continue;
    signal.throwIfAborted();
    const vectors = (await decodePack(body)).entries.map(({ vector }) => vector);
    if (waiting > 0 && waiting + vectors.length > VECTOR_ROWS_PER_PAGE) await send();
    packs.set(key, vectors);
    waiting += vectors.length;
  }
  await send();
  result.differences.push(...(await whileWaiting(SHOWN, () => otherIds(connection, index))));
  for (const part of portions(kept, VECTOR_GET_IDS)) {
    const found = new Map((await index.get(part.map(({ id }) => id))).map((vector) => [vector.id, vector]));
    for (const entry of part) {
      if (!isSame(entry, found.get(entry.id))) result.differences.push(`vector ${entry.id} is not what its pack holds`);
    }
    result.compared += part.length;
  }
  const step = Math.max(1, Math.floor(kept.length / SAMPLES));
  result.samples = kept.filter((_, place) => place % step === 0).slice(0, SAMPLES);
  return result;
}

async function entriesOf(packs: ReadonlyMap<string, Float32Array[]>, connection: D1Connection): Promise<IndexEntry[]> {
  const rows = await queryRows(
    connection,
    `SELECT c.id, d.tenant, d.metadata, p.object_key, c.pack_slot FROM json_each(?1) k
      JOIN packs p ON p.object_key = k.value JOIN chunks c ON c.pack_id = p.id JOIN documents d ON d.id = c.document_id`,
    [JSON.stringify([...packs.keys()])],
  );
  return rows.flatMap(([id, tenant, metadata, key, slot]) => {
    const values = packs.get(String(key))?.[Number(slot)];
    if (values === undefined) return [];
    return [indexEntry({ id: Number(id), tenant: String(tenant), values, metadata: JSON.parse(String(metadata)) })];
  });
}

const SHOWN = { for: "the scratch index to show what was written", limit_ms: VECTORS_VISIBLE_MAX_MS };

/** Waits until the index shows as many as there are; then names what differs. */
async function otherIds(connection: D1Connection, index: VectorIndex): Promise<string[]> {
  const wanted = await vectorIds(connection);
  const until_ms = performance.now() + VECTORS_VISIBLE_MAX_MS;
  for (;;) {
    const there = await index.ids();
    const missing = wanted.difference(there).size;
    const surplus = there.difference(wanted).size;
    if (missing + surplus === 0) return [];
    if (performance.now() > until_ms)
      return [`the scratch index lacks ${counted(missing, "vector")} and has ${surplus} too many`];
    await pause(SETTLE_POLL_MS);
  }
}

function isSame(entry: IndexEntry, found: Awaited<ReturnType<VectorIndex["get"]>>[number] | undefined): boolean {
  if (found === undefined || found.namespace !== entry.namespace) return false;
  const metadata = JSON.stringify(Object.entries(found.metadata ?? {}).sort());
  return (
    metadata === JSON.stringify(Object.entries(entry.metadata).sort()) &&
    found.values.length === entry.values.length &&
    found.values.every((value, place) => Math.fround(value) === entry.values[place])
  );
}
