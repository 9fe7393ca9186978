/** Questions whose answer is known: each sampled chunk must be found by its own words and by its own vector. */
import type Cloudflare from "cloudflare";
import type { IndexEntry } from "../../worker/rag/index-entry.ts";
import type { D1Connection } from "../d1/connection.ts";

export interface GoldenQueries {
  asked: number;
  answered: number;
  /** What was not found. */
  misses: string[];
}

const WORDS = 8;
/** Chunks may say the same: the one that is looked for must be among the first. */
const AMONG = 20;

export async function askGoldenQueries(
  api: Cloudflare,
  place: { account_id: string; index: string },
  connection: D1Connection,
  samples: readonly IndexEntry[],
): Promise<GoldenQueries> {
  const misses: string[] = [];
  let asked = 0;
  for (const { id, values, namespace } of samples) {
    asked += 1;
    const found = await api.vectorize.indexes.query(place.index, {
      account_id: place.account_id,
      vector: Array.from(values),
      topK: AMONG,
      // The SDK does not know it; the API does.
      ...{ namespace },
    });
    if (!(found?.matches ?? []).some((match) => match.id === id)) misses.push(`chunk ${id} by its vector`);
    const [chunk] = await connection.batch([
      { sql: "SELECT text, tenant_term FROM chunks WHERE id = ?1", params: [id] },
    ]);
    const words = String(chunk?.rows[0]?.[0] ?? "").match(/\p{L}{4,}/gu) ?? [];
    if (words.length === 0) continue;
    asked += 1;
    const match = [...new Set(words)]
      .slice(0, WORDS)
      .map((word) => `"${word}"`)
      .join(" ");
    const [hits] = await connection.batch([
      {
        sql: `SELECT rowid FROM chunks_fts WHERE chunks_fts MATCH ?1 AND rowid BETWEEN CAST(?2 AS INTEGER) AND CAST(?2 AS INTEGER)`,
        params: [match, id],
      },
    ]);
    if (hits?.rows.length !== 1) misses.push(`chunk ${id} by its words`);
  }
  return { asked, answered: asked - misses.length, misses };
}
