/** For tests: a corpus of many chunks, put where the Worker would have put it, at the speed of the stores. */
import { createHash, randomBytes } from "node:crypto";
import { BUCKETS, VECTOR_INDEX } from "../../infra/inventory.ts";
import type { Platform } from "../../local/platform.ts";
import { indexEntry } from "../../worker/vectors/index-entry.ts";
import { encodePack } from "../../worker/vectors/vector-pack.ts";
import { VectorIndex } from "../generation/vector-index.ts";
import { liveStack } from "./stack-state.fixture.ts";

const CHUNKS_A_DOCUMENT = 500;
const PACK_CHUNKS = 2_500;
const WORDS = ["river", "lake", "spring", "glacier", "marsh", "canal", "delta", "harbour", "bridge", "meadow"];

/** Adds documents of 500 chunks with a vector each, until there are `chunks` more. */
export async function addChunks(platform: Platform, data_dir: string, chunks: number): Promise<void> {
  const { api, account_id, database, index } = await liveStack(platform, data_dir);
  const bucket = await platform.runtime.r2(BUCKETS.vectors.name);
  const vectors = new VectorIndex({ api, account_id }, index);
  const [next] = await database.batch([
    { sql: "SELECT next FROM sequences WHERE name IN ('documents', 'chunks') ORDER BY name" },
  ]);
  let [chunk, document] = [Number(next?.rows[0]?.[0]), Number(next?.rows[1]?.[0])];
  for (let done = 0; done < chunks; done += PACK_CHUNKS) {
    const made = Array.from({ length: PACK_CHUNKS }, (_, place) => {
      const id = chunk + place;
      const of = document + Math.floor(place / CHUNKS_A_DOCUMENT);
      const text = Array.from({ length: 20 }, (_, at) => WORDS[(id * 7 + at * at * 3) % WORDS.length]).join(" ");
      const content_hash = createHash("sha256").update(`${id} ${text}`).digest("hex");
      return { id, document: of, text: `Note ${id}: ${text}.`, content_hash, vector: unitVector() };
    });
    const pack = await encodePack({
      embedding_model: "test-embedder",
      dimensions: VECTOR_INDEX.dimensions,
      entries: made.map(({ content_hash, vector }) => ({ content_hash, vector })),
    });
    await bucket.put(pack.key, pack.bytes);
    const pack_id = 1_000_000 + chunk;
    const documents = [...Map.groupBy(made, (one) => one.document)];
    await database.batch([
      {
        sql: "INSERT INTO packs VALUES (?1, ?2, 'test-embedder', ?3, ?4, 1, NULL)",
        params: [pack_id, pack.key, VECTOR_INDEX.dimensions, PACK_CHUNKS],
      },
      {
        sql: `INSERT INTO documents SELECT value ->> 0, 'default', 'many/' || (value ->> 0), 'Notes', NULL, 'text', '{}', 'h', value ->> 1, 1, 1, 1, 1
          FROM json_each(?1)`,
        params: [JSON.stringify(documents.map(([id, all]) => [id, JSON.stringify(all.map((one) => one.id))]))],
      },
      {
        sql: `INSERT INTO chunks (id, document_id, tenant_term, title, heading, text, content_hash, token_count, pack_id, pack_slot, words)
          SELECT value ->> 0, value ->> 1, 'default', 'Notes', '', value ->> 2, value ->> 3, 20, ?2, key, '' FROM json_each(?1)`,
        params: [JSON.stringify(made.map((one) => [one.id, one.document, one.text, one.content_hash])), pack_id],
      },
      {
        sql: `UPDATE sequences SET next = CASE name WHEN 'chunks' THEN ?1 ELSE ?2 END WHERE name IN ('documents', 'chunks')`,
        params: [chunk + PACK_CHUNKS, document + documents.length],
      },
      {
        sql: `INSERT INTO tenants VALUES ('default', 1, 1) ON CONFLICT (tenant) DO UPDATE SET index_version = index_version + 1`,
      },
    ]);
    await vectors.upsert(
      made.map(({ id, vector }) => indexEntry({ id, tenant: "default", values: vector, metadata: {} })),
    );
    chunk += PACK_CHUNKS;
    document += documents.length;
  }
}

function unitVector(): Float32Array {
  const bytes = randomBytes(VECTOR_INDEX.dimensions);
  const values = Float32Array.from(bytes, (byte) => byte - 127.5);
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
}
