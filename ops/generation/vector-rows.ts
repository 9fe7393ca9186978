/** What a vector index has to hold, by the rows of the database and the packs that they point into. */
import pMap from "p-map";
import { VECTOR_INDEX } from "../../infra/inventory.ts";
import { type IndexEntry, indexEntry } from "../../worker/vectors/index-entry.ts";
import { SORTS_OF_VECTORS } from "../../worker/vectors/models.ts";
import { decodePack } from "../../worker/vectors/vector-pack.ts";
import { OpsError, refusal } from "../command/errors.ts";
import type { D1Connection, JsonValue, Statement } from "../d1/connection.ts";
import { queryNumber, queryRows, queryTexts } from "../d1/query.ts";
import { PACK_READERS, VECTOR_ROWS_PER_PAGE } from "../limits.ts";
import type { Storage } from "../storage/storage.ts";
import { databaseOf, type StoreSession } from "./stores.ts";

const ROWS = `SELECT c.id, d.tenant, d.metadata, p.object_key, c.pack_slot, p.embedding_model, c.content_hash FROM chunks c
  JOIN documents d ON d.id = c.document_id JOIN packs p ON p.id = c.pack_id`;
const HEAD = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'change_log'), 0)";

/** A chunk whose vector exists. Chunks whose embedding is still owed have an outbox row, and whoever settles it knows the live index. */
export interface VectorRow {
  id: number;
  tenant: string;
  metadata: string;
  object_key: string;
  pack_slot: number;
  /** `vector_space` of the pack. */
  embedding_model: string;
  content_hash: string;
}

/** All of them in the order of their ids, page by page. */
export async function* vectorRows(connection: D1Connection, after_id = 0): AsyncGenerator<VectorRow[]> {
  for (let after = after_id; ; ) {
    const sql = `${ROWS} WHERE c.id > ?1 ORDER BY c.id LIMIT ${VECTOR_ROWS_PER_PAGE}`;
    const rows = (await queryRows(connection, sql, [after])).map(vectorRow);
    if (rows.length > 0) yield rows;
    // What writers add while this is read comes by the change log.
    if (rows.length < VECTOR_ROWS_PER_PAGE) return;
    after = rows.at(-1)?.id ?? after;
  }
}

/** Ids of all chunks that have a vector. */
export async function vectorIds(connection: D1Connection): Promise<Set<string>> {
  const ids = new Set<string>();
  for (let after = 0; ; ) {
    const sql = "SELECT id FROM chunks WHERE id > ?1 AND pack_id IS NOT NULL ORDER BY id LIMIT 50000";
    const page = await queryTexts(connection, sql, [after]);
    if (page.length === 0) return ids;
    for (const id of page) ids.add(id);
    after = Number(page.at(-1));
  }
}

/** Those of these chunks that have a vector. */
export async function namedVectors(connection: D1Connection, ids: readonly string[]): Promise<VectorRow[]> {
  const sql = `${ROWS} WHERE c.id IN (SELECT value FROM json_each(?1))`;
  return (await queryRows(connection, sql, [JSON.stringify(ids.map(Number))])).map(vectorRow);
}

/** Chunks that came, went or got their vector after `seq`. */
export async function changedChunks(connection: D1Connection, seq: number): Promise<Set<string>> {
  const sql = "SELECT DISTINCT row_key ->> 0 FROM change_log WHERE seq > ?1 AND table_name = 'chunks'";
  return new Set(await queryTexts(connection, sql, [seq]));
}

interface VectorChanges {
  rows: VectorRow[];
  gone: string[];
  seq: number;
}

/** Vectors whose chunk, or whose document's metadata, changed after `seq`, in one transaction. */
export async function changedVectors(connection: D1Connection, seq: number): Promise<VectorChanges> {
  const logged = (table: string) => `SELECT row_key ->> 0 FROM change_log WHERE seq > ?1 AND table_name = '${table}'`;
  const statements: Statement[] = [
    { sql: HEAD },
    { sql: `${ROWS} WHERE c.id IN (${logged("chunks")}) OR c.document_id IN (${logged("documents")})`, params: [seq] },
    {
      sql: `SELECT DISTINCT l.key FROM (${logged("chunks").replace("row_key ->> 0", "row_key ->> 0 AS key")}) l
        WHERE NOT EXISTS (SELECT 1 FROM chunks WHERE chunks.id = l.key)`,
      params: [seq],
    },
  ];
  const [head, rows, gone] = await connection.batch(statements);
  return {
    rows: (rows?.rows ?? []).map(vectorRow),
    gone: (gone?.rows ?? []).map(([id]) => String(id)),
    seq: Number(head?.rows[0]?.[0] ?? seq),
  };
}

/** The number of the change log's last entry. */
export function changeLogHead(connection: D1Connection): Promise<number> {
  return queryNumber(connection, HEAD);
}

/**
 * Entries for an index of `dimensions`, out of packs that are read once each and verified.
 * @throws OpsError when a pack is missing, damaged or of other dimensions.
 */
export async function packedEntries(
  bucket: Storage,
  rows: readonly VectorRow[],
  dimensions: number,
  signal: AbortSignal,
): Promise<IndexEntry[]> {
  const packs = [...Map.groupBy(rows, ({ object_key }) => object_key)];
  const entries = await pMap(
    packs,
    async ([key, wanted]) => {
      const vectors = await readPack(bucket, key, dimensions, signal);
      return wanted.map(({ id, tenant, metadata, pack_slot }) => {
        const values = vectors[pack_slot];
        if (values === undefined) throw unusable(key, `has no slot ${pack_slot}`, "restore the pack from a backup");
        return indexEntry({ id, tenant, values, metadata: JSON.parse(metadata) });
      });
    },
    { concurrency: PACK_READERS },
  );
  return entries.flat();
}

async function readPack(
  bucket: Storage,
  key: string,
  dimensions: number,
  signal: AbortSignal,
): Promise<Float32Array[]> {
  const { body } = await bucket.read(key, signal).catch((error: unknown) => {
    throw unusable(key, `cannot be read: ${String(error)}`, "restore the pack from a backup");
  });
  const pack = await decodePack(body).catch((error: unknown) => {
    throw unusable(key, String(error), "restore the pack from a backup");
  });
  if (pack.dimensions === dimensions) return pack.entries.map(({ vector }) => vector);
  throw unusable(
    key,
    `holds vectors of ${pack.dimensions} dimensions, the index has ${dimensions}`,
    "another model needs every text embedded again: npm run ops -- index rebuild --embedding-model MODEL",
  );
}

function vectorRow([id, tenant, metadata, object_key, pack_slot, model, content_hash]: JsonValue[]): VectorRow {
  return {
    id: Number(id),
    tenant: String(tenant),
    metadata: String(metadata),
    object_key: String(object_key),
    pack_slot: Number(pack_slot),
    embedding_model: String(model),
    content_hash: String(content_hash),
  };
}

function unusable(key: string, cause: string, hint: string): OpsError {
  return new OpsError({ op: "take vectors from", subject: key, cause, hint });
}

/**
 * Dimensions of an index that the packs can fill: the wanted ones, or, where the live index is gone and nobody says, those of the vectors.
 * @throws OpsError with exit code 3 when the packs do not hold such vectors.
 */
export async function fillableDimensions(
  session: StoreSession,
  { live }: { live: number },
  wanted: number | undefined,
  model: string | undefined,
): Promise<number> {
  const database = databaseOf(session, await session.target.resources(), live);
  const [found] = (await database?.connection.batch([{ sql: SORTS_OF_VECTORS }])) ?? [];
  const rows = found?.rows ?? [];
  const dimensions = wanted ?? Number(rows[0]?.[1] ?? VECTOR_INDEX.dimensions);
  const foreign = rows.filter(([name, size]) => size !== dimensions || (model ?? name) !== name);
  if (foreign.length === 0) return dimensions;
  const held = foreign.map(([name, size]) => `${name} (${size} dimensions)`).join(", ");
  throw refusal({
    op: "fill",
    subject: `an index of ${dimensions} dimensions${model === undefined ? "" : ` by ${model}`}`,
    cause: `the vector packs hold vectors of ${held}, and a move embeds nothing`,
    hint: "another model needs every text embedded again: npm run ops -- index rebuild --embedding-model MODEL",
  });
}
