/** Mends what a check has found, with what is still there. Every step may be repeated. */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { readMigrations } from "../../../infra/migration-files.ts";
import { counted } from "../../../worker/ground/counted.ts";
import { portions } from "../../../worker/ground/portions.ts";
import { tenantTerm } from "../../../worker/ground/tenant-term.ts";
import { chunkHash } from "../../../worker/rag/text/normalise.ts";
import { OpsError } from "../../command/errors.ts";
import type { D1Connection, JsonValue, Statement } from "../../d1/connection.ts";
import { rebuildFullText } from "../../d1/full-text.ts";
import { queryNumber } from "../../d1/query.ts";
import { sendToWorker } from "../../generation/release.ts";
import { VectorIndex } from "../../generation/vector-index.ts";
import { namedVectors, packedEntries } from "../../generation/vector-rows.ts";
import {
  D1_KEYS_PER_READ,
  FULL_TEXT_REBUILD_ROWS_MAX,
  OWED_CHUNKS_PER_MESSAGE,
  OWED_WAIT_MAX_MS,
  SETTLE_POLL_MS,
} from "../../limits.ts";
import { whileWaiting } from "../../waits.ts";
import { Findings, KIND_NAMES, KINDS } from "./kinds.ts";
import { checkFullText, UNPROVEN } from "./rows.ts";
import type { Compared } from "./vectors.ts";

/** @throws OpsError in the words of D1, Vectorize or the storage: what was mended before stays mended. */
export async function repair(compared: Compared, findings: Findings): Promise<void> {
  const { session, database, store } = compared;
  await repairDocuments(database, findings);
  for (const id of findings.of("chunk-title", "chunk-tenant", "chunk-content")) await rewriteChunk(database, id);
  for (const ids of portions(findings.of("chunk-unlisted"), D1_KEYS_PER_READ))
    await database.batch([
      { sql: "DELETE FROM chunks WHERE id IN (SELECT value FROM json_each(?1))", params: [json(ids)] },
    ]);
  await repairFullText(database);
  const embed = KIND_NAMES.filter((kind) => KINDS[kind].remedy === "embed");
  await embedAgain(compared, findings.of(...embed));
  const index = new VectorIndex(session, store.name);
  await index.delete(findings.of("vector-orphan"));
  const differing = findings.of("vector-missing", "vector-values", "vector-namespace", "vector-metadata");
  for (const ids of portions(differing, D1_KEYS_PER_READ)) {
    const rows = await namedVectors(database, ids);
    await index.upsert(await packedEntries(session.bucket, rows, store.dimensions, session.steady));
  }
}

/** Text that is lost comes back from its source: the next write of the document must not pass for a repetition. */
async function repairDocuments(database: D1Connection, findings: Findings): Promise<void> {
  for (const ids of portions(findings.of("document-lacks-chunk"), D1_KEYS_PER_READ))
    await database.batch([markUnproven("SELECT value FROM json_each(?1)", [json(ids)])]);
  for (const ids of portions(findings.of("document-token-count"), D1_KEYS_PER_READ))
    await database.batch([
      {
        sql: `UPDATE documents SET token_count = (SELECT coalesce(sum(token_count), 0) FROM chunks
            WHERE document_id = documents.id AND id IN (SELECT value FROM json_each(documents.chunk_ids)))
          WHERE id IN (SELECT value FROM json_each(?1))`,
        params: [json(ids)],
      },
    ]);
}

function markUnproven(ids: string, params: JsonValue[]): Statement {
  return { sql: `UPDATE documents SET content_hash = '${UNPROVEN}' WHERE id IN (${ids})`, params };
}

const CARRIED = ["document_id", "heading", "text", "original", "token_count", "words", "pack_id", "pack_slot"] as const;

/**
 * A chunk's hash says which side of a disparity is right. A row is taken out and put in again, for what is searched is immutable.
 */
async function rewriteChunk(database: D1Connection, id: string): Promise<void> {
  const [found] = await database.batch([
    {
      sql: `SELECT c.title, d.title, d.tenant, c.content_hash, ${CARRIED.map((name) => `c.${name}`).join(", ")}
        FROM chunks c JOIN documents d ON d.id = c.document_id WHERE c.id = ?1`,
      params: [id],
    },
  ]);
  const [row] = found?.rows ?? [];
  // Gone since.
  if (row === undefined) return;
  const [title, document_title, tenant, content_hash, ...rest] = row;
  const carried = Object.fromEntries(CARRIED.map((name, at) => [name, rest[at] ?? null]));
  const hashWith = (chosen: string) => {
    const { heading, text, original } = carried;
    return chunkHash({
      title: chosen,
      heading: String(heading),
      text: String(text),
      original: original === null || original === undefined ? null : String(original),
    });
  };
  const isChunkRight = (await hashWith(String(title))) === content_hash;
  const chosen = String(isChunkRight ? title : document_title);
  const actual = await hashWith(chosen);
  const written = {
    ...carried,
    id: Number(id),
    title: chosen,
    tenant_term: tenantTerm(String(tenant)),
    content_hash: actual,
  };
  const columns = Object.keys(written);
  await database.batch([
    { sql: "DELETE FROM chunks WHERE id = ?1", params: [id] },
    {
      sql: `INSERT INTO chunks (${columns.join(", ")}) SELECT ${columns.map((name) => `?1 ->> '${name}'`).join(", ")}`,
      params: [JSON.stringify(written)],
    },
    ...(isChunkRight
      ? [{ sql: "UPDATE documents SET title = ?2 WHERE id = ?1", params: [carried.document_id ?? 0, chosen] }]
      : []),
    ...(actual === content_hash ? [] : [markUnproven("?1", [carried.document_id ?? 0])]),
  ]);
}

/** One statement beside writers: page by page, what they add meanwhile would be in it twice. */
async function repairFullText(database: D1Connection): Promise<void> {
  // Rows that were mended may have told the index what it never held.
  const findings = new Findings();
  await checkFullText(database, findings);
  if (findings.total === 0) return;
  const sql = readMigrations()
    .flatMap(({ statements }) => statements)
    .findLast((statement) => /^CREATE VIRTUAL TABLE chunks_fts\b/m.test(statement));
  const definition = sql?.slice(sql.indexOf("CREATE VIRTUAL TABLE")) ?? "";
  if (findings.of("full-text-gone").length > 0) await database.batch([{ sql: definition }]);
  if ((await queryNumber(database, "SELECT count(*) FROM chunks")) > FULL_TEXT_REBUILD_ROWS_MAX)
    throw new OpsError({
      op: "repair",
      subject: "the full-text index",
      cause: `it holds more than ${FULL_TEXT_REBUILD_ROWS_MAX} chunks: D1 ends a statement after 30 s`,
      hint: "npm run ops -- index rebuild makes it anew beside the live one",
    });
  await rebuildFullText(database, { name: "chunks_fts", sql: definition }, FULL_TEXT_REBUILD_ROWS_MAX);
}

/** Takes the place of chunks away and asks the Worker for their vectors, as after an outage of Workers AI. Waits until they are there. */
async function embedAgain({ session, database }: Compared, ids: readonly string[]): Promise<void> {
  const owed: string[] = [];
  for (const part of portions(ids, OWED_CHUNKS_PER_MESSAGE)) {
    const place = "id IN (SELECT value FROM json_each(?1))";
    const tenants = `SELECT d.tenant, json_group_array(c.id) FROM chunks c JOIN documents d ON d.id = c.document_id
      WHERE c.${place} GROUP BY d.tenant`;
    const [found] = await database.batch([{ sql: tenants, params: [json(part)] }]);
    const rows = (found?.rows ?? []).map(([tenant, chunk_ids]) => ({ id: randomUUID(), tenant, chunk_ids }));
    const packs = `SELECT DISTINCT pack_id FROM chunks WHERE pack_id IS NOT NULL AND ${place}`;
    const [left] = await database.batch([{ sql: packs, params: [json(part)] }]);
    await database.batch([
      { sql: `UPDATE chunks SET pack_id = NULL, pack_slot = NULL WHERE ${place}`, params: [json(part)] },
      // The same texts make a pack of the same key, whose row is then kept: a wrong one must not be there.
      {
        sql: `DELETE FROM packs WHERE id IN (SELECT value FROM json_each(?1))
          AND NOT EXISTS (SELECT 1 FROM chunks WHERE chunks.pack_id = packs.id)`,
        params: [JSON.stringify((left?.rows ?? []).map(([id]) => id))],
      },
      ...rows.map(({ id, tenant, chunk_ids }) => ({
        sql: "INSERT INTO vector_outbox VALUES (?1, ?2, ?3, '[]', ?4)",
        params: [id, tenant ?? "", chunk_ids ?? "[]", session.now()],
      })),
    ]);
    owed.push(...rows.map(({ id }) => id));
  }
  if (owed.length === 0) return;
  await sendToWorker(
    session,
    owed.map((outbox_id) => ({ type: "settle", outbox_id })),
  );
  const wait = { for: `the Worker to embed ${counted(ids.length, "chunk")}`, limit_ms: OWED_WAIT_MAX_MS };
  const until_ms = session.now() + OWED_WAIT_MAX_MS;
  await whileWaiting(wait, async () => {
    for (let left = owed.length; left > 0 && session.now() < until_ms; ) {
      const sql = "SELECT count(*) FROM vector_outbox WHERE id IN (SELECT value FROM json_each(?1))";
      left = await queryNumber(database, sql, [json(owed)]);
      if (left > 0) await pause(SETTLE_POLL_MS, undefined, { signal: session.steady });
    }
  });
}

function json(ids: readonly string[]): string {
  return JSON.stringify(ids);
}
