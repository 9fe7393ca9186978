/**
 * What `ops bench backup` backs up: a service's stores full of generated chunks, written past the Worker because only their content
 * matters, with every trigger firing as it would; and a change of a share of them, as new versions of documents make it.
 */
import { createHash, randomFillSync } from "node:crypto";
import { VECTOR_INDEX } from "../../infra/inventory.ts";
import { portions } from "../../worker/ground/portions.ts";
import { encodePack, type PackEntry } from "../../worker/vectors/vector-pack.ts";
import type { Cloudflare } from "../cloudflare/official.ts";
import type { D1Connection, JsonValue } from "../d1/connection.ts";
import { BENCH_PACK_VECTORS, D1_PARAMETER_BYTES, VECTOR_DELETE_IDS } from "../limits.ts";
import type { Storage } from "../storage/storage.ts";
import type { Paragraph } from "./corpus.ts";

export interface FilledStores {
  connection: D1Connection;
  /** The bucket of vector packs. */
  packs: Storage;
  api: Cloudflare;
  account_id: string;
  index: string;
  signal: AbortSignal;
}

/** Of one document. A change touches one of them. */
const CHUNKS_PER_DOCUMENT = 10;
const DIMENSIONS = VECTOR_INDEX.dimensions;
const MODEL = "bench/random";
const TENANT = "default";

interface Chunk {
  id: number;
  document: number;
  paragraph: Paragraph;
  hash: string;
  pack: number;
  slot: number;
}

/** Documents of ten chunks each, packs, vectors. `on_chunks` hears how many are there. */
export async function fillStores(
  stores: FilledStores,
  corpus: readonly Paragraph[],
  on_chunks: (chunks: number) => void,
): Promise<void> {
  const documents = Math.ceil(corpus.length / CHUNKS_PER_DOCUMENT);
  await insert(
    stores,
    "documents (id, tenant, external_id, title, format, content_hash, chunk_ids, token_count, version, created_at_ms, updated_at_ms)",
    Array.from({ length: documents }, (_, index) => documentRow(index + 1, corpus[index * CHUNKS_PER_DOCUMENT])),
  );
  for (let from = 0; from < corpus.length; from += BENCH_PACK_VECTORS) {
    const chunks = corpus.slice(from, from + BENCH_PACK_VECTORS).map((paragraph, slot) => {
      const index = from + slot;
      return chunkOf(index + 1, Math.floor(index / CHUNKS_PER_DOCUMENT) + 1, paragraph, packId(from), slot);
    });
    await addChunks(stores, chunks);
    on_chunks(from + chunks.length);
  }
}

/** Replaces one chunk of every document in turn until `replacements` are used up; the rest stays what it was. Returns chunks replaced. */
export async function changeStores(
  stores: FilledStores,
  total: number,
  replacements: readonly Paragraph[],
): Promise<number> {
  const step = Math.floor(total / replacements.length);
  for (let from = 0; from < replacements.length; from += BENCH_PACK_VECTORS) {
    const part = replacements.slice(from, from + BENCH_PACK_VECTORS);
    const gone = part.map((_, slot) => (from + slot) * step + 1);
    const chunks = part.map((paragraph, slot) => {
      const document = Math.floor(((from + slot) * step) / CHUNKS_PER_DOCUMENT) + 1;
      return chunkOf(total + from + slot + 1, document, paragraph, packId(total + from), slot);
    });
    await stores.connection.batch([
      { sql: "DELETE FROM chunks WHERE id IN (SELECT value FROM json_each(?1))", params: [JSON.stringify(gone)] },
      {
        sql: `UPDATE documents SET version = version + 1, updated_at_ms = updated_at_ms + 1, content_hash = r.value ->> 1
          FROM json_each(?1) r WHERE documents.id = r.value ->> 0`,
        params: [JSON.stringify(chunks.map(({ document, hash }) => [document, hash]))],
      },
    ]);
    for (const ids of portions(gone.map(String), VECTOR_DELETE_IDS)) {
      await stores.api.vectorize.indexes.deleteByIDs(stores.index, { account_id: stores.account_id, ids });
    }
    await addChunks(stores, chunks);
  }
  return replacements.length;
}

const packId = (from: number) => Math.ceil(from / BENCH_PACK_VECTORS) + 1;

function chunkOf(id: number, document: number, paragraph: Paragraph, pack: number, slot: number): Chunk {
  const hash = createHash("sha256").update(paragraph.title).update(paragraph.text).digest("hex");
  return { id, document, paragraph, hash, pack, slot };
}

function documentRow(id: number, paragraph: Paragraph | undefined): JsonValue[] {
  const first = (id - 1) * CHUNKS_PER_DOCUMENT + 1;
  const ids = Array.from({ length: CHUNKS_PER_DOCUMENT }, (_, index) => first + index);
  const hash = createHash("sha256").update(String(id)).digest("hex");
  const now_ms = Date.UTC(2026, 0, 1);
  return [
    id,
    TENANT,
    `bench-${id}`,
    paragraph?.title ?? "",
    "text",
    hash,
    JSON.stringify(ids),
    2_000,
    1,
    now_ms,
    now_ms,
  ];
}

/** The pack, then the rows, then the index: the Worker's own order. */
async function addChunks(stores: FilledStores, chunks: readonly Chunk[]): Promise<void> {
  const vectors = chunks.map(() => randomVector());
  const entries: PackEntry[] = chunks.map(({ hash }, slot) => ({
    content_hash: hash,
    vector: vectors[slot] ?? randomVector(),
  }));
  const { key, bytes } = await encodePack({ embedding_model: MODEL, dimensions: DIMENSIONS, entries });
  await stores.packs.create(key, bytes, stores.signal);
  const [first] = chunks;
  await insert(stores, "packs (id, object_key, embedding_model, dimensions, vector_count, created_at_ms)", [
    [first?.pack ?? 0, key, MODEL, DIMENSIONS, chunks.length, Date.now()],
  ]);
  await insert(
    stores,
    "chunks (id, document_id, tenant_term, title, heading, text, content_hash, token_count, pack_id, pack_slot)",
    chunks.map(({ id, document, paragraph, hash, pack, slot }) => [
      id,
      document,
      TENANT,
      paragraph.title,
      "",
      paragraph.text,
      hash,
      200,
      pack,
      slot,
    ]),
  );
  const lines = chunks.map(
    ({ id }, slot) => `{"id":"${id}","namespace":"${TENANT}","values":[${roundedValues(vectors[slot])}]}`,
  );
  await stores.api.vectorize.indexes.upsert(stores.index, {
    account_id: stores.account_id,
    body: new File([lines.join("\n")], "vectors.ndjson"),
  });
}

/** As little compressible as real embeddings. */
function randomVector(): Float32Array {
  const random = randomFillSync(new Int16Array(2 * DIMENSIONS));
  return Float32Array.from(
    { length: DIMENSIONS },
    (_, at) => ((random[2 * at] ?? 0) + (random[2 * at + 1] ?? 0) / 65_536) / 32_768,
  );
}

/** Short, for speed: a backup compares the index by ids and takes the values from packs. */
function roundedValues(vector: Float32Array | undefined): string {
  return Array.from(vector ?? [], (value) => Math.round(value * 100) / 100).join(",");
}

/** `columns`: a table with the columns in the order of a row's values. */
async function insert(
  { connection }: FilledStores,
  columns: string,
  rows: readonly (readonly JsonValue[])[],
): Promise<void> {
  const width = rows[0]?.length ?? 0;
  const values = Array.from({ length: width }, (_, place) => `value ->> ${place}`).join(", ");
  const sql = `INSERT INTO ${columns} SELECT ${values} FROM json_each(?1)`;
  let part: string[] = [];
  let size = 0;
  const send = async () => {
    if (part.length > 0) await connection.batch([{ sql, params: [`[${part.join(",")}]`] }]);
    part = [];
    size = 0;
  };
  for (const row of rows) {
    const json = JSON.stringify(row);
    if (size + json.length > D1_PARAMETER_BYTES) await send();
    part.push(json);
    size += json.length;
  }
  await send();
}
