/**
 * The full-text leg: one D1 statement that counts the query's words, ranks by FTS5's bm25 and reads the rows of the best. Where there
 * are too many to rank, it only counts, and a second one ranks what `match-plan.ts` leaves.
 *
 * `ORDER BY rank` with the weights in `rank MATCH` lets FTS5 sort inside the virtual table, before any row is read.
 */

import type { DocumentFormat } from "../../ground/document.ts";
import { SPARSE_POOL, TEXT_COUNTED_SHARE, TITLE_WEIGHT } from "../../limits.ts";
import { type IndexState, indexState, indexStateOf } from "../../store/index-state.ts";
import { declarationTerm, type Names } from "../text/identifiers.ts";
import { anyOf, type QueryTerm, quoted } from "../text/query.ts";
import { type Filter, filterToSql } from "./filter.ts";
import { type AskedWord, planMatch } from "./match-plan.ts";
import { COUNTED_TABLES, type Counted, type Found, holdingOf } from "./term-counts.ts";

/** One chunk as D1 holds it. `metadata` is the document's flat JSON object, still as text. */
export interface ChunkRow {
  chunk_id: number;
  /** The caller's own id of the document. */
  document_id: string;
  title: string;
  heading: string;
  text: string;
  format: DocumentFormat;
  url: string | null;
  metadata: string;
  token_count: number;
  /** Of the whole document. */
  document_tokens: number;
}

/** bm25 column weights: tenant_term, title, heading, text. */
const RANK = `bm25(0, ${TITLE_WEIGHT}, 1, 1)`;

const ROW_COLUMNS =
  "d.external_id AS document_id, c.title, c.heading, c.text, d.format, d.url, d.metadata, c.token_count, d.token_count AS document_tokens";

/**
 * Of the tenant's chunks so many are counted from either end where it is alone: it has every id but those of what was deleted since,
 * so these tell how dense they lie, and as many as of a word took a third of the time. Among others a tenant's ids lie in clumps.
 */
const OWN_COUNTED_MAX = 100;

/**
 * In a statement whose `?1` is the tenant. Not `= ?1`: of tables with a partial index SQLite compares a bare parameter's value with the
 * condition of the index, and so prepares the statement anew whenever it is bound.
 */
const OF_TENANT = "d.tenant = +?1";

/** What the tenant's own chunks say about the query. */
export interface TenantStatistics {
  /** How many chunks the tenant has; beyond some, about how many (`term-counts.ts`). */
  chunks: number;
  /** How many of them hold each query term, in the terms' order; likewise. */
  holding: readonly number[];
}

export const NO_STATISTICS: TenantStatistics = { chunks: 0, holding: [] };

interface Scope {
  tenant: string;
  tenant_term: string;
  filter?: Filter;
}

/** A row of the opening statement: one of the best chunks, and the first row also what was counted; there is one row even without a chunk. */
interface Opening extends ChunkRow {
  found: string;
}

export interface TextAnswer {
  /** Not newer than the candidates: a cache may keep what is made of them. */
  index: IndexState;
  /** Best first by FTS5's bm25. That is of the whole table, so only for choosing: its scores are never shown to a tenant. */
  candidates: ChunkRow[];
  /** False: frequent words were left out of the choice, so the order of the candidates says little. */
  complete: boolean;
  statistics: TenantStatistics;
}

interface TextLimits {
  limit: number;
  /** How many chunks bm25 may rank. */
  ranked_max: number;
}

/**
 * The best `limit` chunks that hold any of the terms. A longer list starts with the shorter one: equal scores keep
 * the order of FTS5's own sort, which does not know the limit. Where the terms are counted beyond `TEXT_COUNTED_SHARE` of `ranked_max`, it
 * is the best of what `planMatch` says, and `SPARSE_POOL` of them at least: they are yet to be put into order.
 *
 * `d.tenant` is what confines the answer. The tenant's term in MATCH only keeps FTS5 from ranking other tenants'
 * chunks, and since every one of the tenant's chunks holds it, it costs a third of the query; so it is left out while
 * there are no other tenants.
 */
export async function searchText(
  db: D1Database,
  scope: Scope,
  terms: readonly QueryTerm[],
  names: Names,
  { limit, ranked_max }: TextLimits,
): Promise<TextAnswer> {
  if (terms.length === 0)
    return { index: await indexState(db, scope.tenant), candidates: [], complete: true, statistics: NO_STATISTICS };
  const own = `tenant_term:${quoted(scope.tenant_term)}`;
  const inTenant = (match: string): Counted => ({ alone: match, among: `${own} AND (${match})` });
  const matches = [
    ...terms.map((term) => anyOf([term])),
    ...Array.from(names.keys(), (name) => quoted(declarationTerm(name))),
  ];
  const any = inTenant(matches.join(" OR "));
  const counted_max = Math.ceil(TEXT_COUNTED_SHARE * ranked_max);
  const ranked = rankedRows(scope, "(SELECT wanted FROM total)");
  const { results } = await db
    .prepare(
      `WITH ${COUNTED_TABLES} SELECT iif(row_number() OVER () = 1, found, NULL) AS found, best.* FROM total LEFT JOIN (${ranked.sql}) best`,
    )
    .bind(
      scope.tenant,
      JSON.stringify(matches.map(inTenant)),
      counted_max + 1,
      ...[any.alone, any.among, own, OWN_COUNTED_MAX, ...ranked.params, limit],
    )
    .all<Opening>();
  const { state, others, all, ends } = JSON.parse(results[0]?.found ?? "") as Found;
  const index = indexStateOf(state);
  const chunks = holdingOf(all, all);
  const words = ends.map((one, place) => ({
    match: matches[place] ?? "",
    held: holdingOf(one, all),
    newest_from: one.back?.lowest ?? 0,
  }));
  const statistics = { chunks, holding: words.slice(0, terms.length).map(({ held }) => held) };
  const postings = ends.reduce((sum, { front }) => sum + front.count, 0);
  if (postings > counted_max) {
    const confine = others === 1 ? `${own} AND ` : "";
    const candidates = await sparseRows(db, scope, {
      words,
      chunks,
      ranked_max,
      confine,
      limit: Math.max(limit, SPARSE_POOL),
    });
    return { index, candidates, complete: false, statistics };
  }
  const candidates = results.flatMap(({ found: _, ...row }) => (row.chunk_id === null ? [] : row));
  return { index, candidates, complete: true, statistics };
}

interface Sparse {
  /** Each with the chunk where counting it from the newest one ended. */
  words: readonly (AskedWord & { newest_from: number })[];
  chunks: number;
  ranked_max: number;
  /** What confines an FTS5 expression to the tenant; empty where it is alone. */
  confine: string;
  limit: number;
}

/**
 * Rows where the words are too frequent to rank all that hold one. Where they are so even together, of the newest chunks that hold
 * the rarest word those that hold the most words.
 */
async function sparseRows(db: D1Database, scope: Scope, sparse: Sparse): Promise<ChunkRow[]> {
  const { words, confine } = sparse;
  const planned = planMatch(words, sparse.chunks, sparse.ranked_max);
  if (planned !== null) {
    const ranked = rankedRows(scope, "?2");
    const statement = db
      .prepare(ranked.sql)
      .bind(scope.tenant, `${confine}(${planned})`, ...ranked.params, sparse.limit);
    return (await statement.all<ChunkRow>()).results;
  }
  const filter = filterOf(scope);
  const [rarest] = words.filter(({ held }) => held > 0).toSorted((a, b) => a.held - b.held) as [
    Sparse["words"][number],
  ];
  const sql = `
    SELECT c.id AS chunk_id, ${ROW_COLUMNS}
    FROM (SELECT f.rowid AS id, count(*) AS said FROM json_each(?2) word CROSS JOIN chunks_fts f
        WHERE f.chunks_fts MATCH word.value AND f.rowid >= ?3 GROUP BY f.rowid) found
      CROSS JOIN chunks c ON c.id = found.id CROSS JOIN documents d ON d.id = c.document_id
    WHERE ${OF_TENANT} AND ${filter.sql}
    ORDER BY found.said DESC, c.id DESC LIMIT +?`;
  const beside = words.map(({ match }) => `${confine}(${rarest.match}) AND (${match})`);
  const statement = db
    .prepare(sql)
    .bind(scope.tenant, JSON.stringify(beside), rarest.newest_from, ...filter.params, sparse.limit);
  return (await statement.all<ChunkRow>()).results;
}

/** What a scope lets through, as a condition on `d`. */
function filterOf({ filter }: Scope): { sql: string; params: (string | number)[] } {
  return filter === undefined ? { sql: "TRUE", params: [] } : filterToSql(filter, "d");
}

/** Rows of the scope in FTS5's order, for a statement whose `?1` is the tenant; after `params` comes how many. `match`: SQL. */
function rankedRows(scope: Scope, match: string): { sql: string; params: (string | number)[] } {
  const filter = filterOf(scope);
  // CROSS JOIN pins FTS5 as the outer loop: rows come in rank order and the joins stop at LIMIT. Why `+?`: see `term-counts.ts`.
  const sql = `
    SELECT c.id AS chunk_id, ${ROW_COLUMNS}
    FROM chunks_fts f CROSS JOIN chunks c ON c.id = f.rowid CROSS JOIN documents d ON d.id = c.document_id
    WHERE f.chunks_fts MATCH ${match} AND f.rank MATCH '${RANK}' AND ${OF_TENANT} AND ${filter.sql}
    ORDER BY f.rank LIMIT +?`;
  return { sql, params: filter.params };
}

/** Rows of chunks by id, only what the tenant owns and the filter lets through; ids without a row are absent. */
export async function readChunks(db: D1Database, scope: Scope, ids: readonly number[]): Promise<Map<number, ChunkRow>> {
  if (ids.length === 0) return new Map();
  const filter = filterOf(scope);
  const sql = `
    SELECT c.id AS chunk_id, ${ROW_COLUMNS}
    FROM json_each(?2) wanted CROSS JOIN chunks c ON c.id = wanted.value CROSS JOIN documents d ON d.id = c.document_id
    WHERE ${OF_TENANT} AND ${filter.sql}`;
  const { results } = await db
    .prepare(sql)
    .bind(scope.tenant, JSON.stringify(ids), ...filter.params)
    .all<ChunkRow>();
  return new Map(results.map((row) => [row.chunk_id, row]));
}
