/** Chunks from before the column `words`: a bounded number at a time gets what FTS5 cannot find by itself. */
import type { DocumentFormat } from "../ground/document.ts";
import { codeIndexWords } from "../rag/text/identifiers.ts";
import { indexWords } from "../rag/text/index-words.ts";

interface Unworded {
  id: number;
  title: string;
  heading: string;
  text: string;
  format: DocumentFormat;
  tenant: string;
}

/**
 * Fills in the words of up to `limit` chunks and raises the index version of their tenants, in one batch.
 * @throws an error of `isFenced` while a fence is up.
 */
export async function addMissingWords(db: D1Database, limit: number, now_ms: number): Promise<void> {
  const { results } = await db
    .prepare(
      `SELECT c.id, c.title, c.heading, c.text, d.format, d.tenant
       FROM (SELECT * FROM chunks WHERE words IS NULL ORDER BY id LIMIT ?1) c JOIN documents d ON d.id = c.document_id`,
    )
    .bind(limit)
    .all<Unworded>();
  if (results.length === 0) return;
  const words = results.map(({ id, title, heading, text, format }) => ({
    id,
    words: (format === "code" ? codeIndexWords : indexWords)(title, heading, text),
  }));
  await db.batch([
    db
      .prepare(
        `UPDATE chunks SET words = new.value ->> 'words' FROM json_each(?1) AS new
         WHERE chunks.id = new.value ->> 'id' AND chunks.words IS NULL`,
      )
      .bind(JSON.stringify(words)),
    db
      .prepare(
        `UPDATE tenants SET index_version = index_version + 1, changed_at_ms = ?2
         WHERE tenant IN (SELECT value FROM json_each(?1))`,
      )
      .bind(JSON.stringify([...new Set(results.map(({ tenant }) => tenant))]), now_ms),
  ]);
}
