/**
 * Chunks that were written before today's tokenizer: a bounded number at a time gets the words that FTS5 cannot find by itself, as it
 * reads them. A row of `sequences` says from which chunk on nobody has looked yet, so what an older Worker still writes beside
 * this one is met as well. Until its turn a chunk keeps the words that it has.
 */
import type { DocumentFormat } from "../ground/document.ts";
import { codeIndexWords } from "../rag/text/identifiers.ts";
import { indexWords, WORDS_VERSION } from "../rag/text/index-words.ts";

interface Reread {
  id: number;
  title: string;
  heading: string;
  text: string;
  words: string | null;
  format: DocumentFormat;
  tenant: string;
}

/** The row's name, but for the version of the tokenizer. */
const CURSOR = "words/";

/**
 * Reads up to `limit` chunks again. Where their words are others by now, these are written and the index version of their tenants
 * raised, in one batch. Does nothing beside a Worker with a newer tokenizer.
 * @throws an error of `isFenced` while a fence is up.
 */
export async function rewordChunks(db: D1Database, limit: number, now_ms: number): Promise<void> {
  const cursors = await db
    .prepare("SELECT CAST(substr(name, ?2) AS INTEGER) AS version, next FROM sequences WHERE name GLOB ?1 || '*'")
    .bind(CURSOR, CURSOR.length + 1)
    .all<{ version: number; next: number }>();
  if (cursors.results.some(({ version }) => version > WORDS_VERSION)) return;
  const from = cursors.results.find(({ version }) => version === WORDS_VERSION)?.next ?? 1;
  const { results } = await db
    .prepare(
      `SELECT c.id, c.title, c.heading, c.text, c.words, d.format, d.tenant
       FROM (SELECT * FROM chunks WHERE id >= ?1 ORDER BY id LIMIT ?2) c JOIN documents d ON d.id = c.document_id ORDER BY c.id`,
    )
    .bind(from, limit)
    .all<Reread>();
  const last = results.at(-1);
  if (last === undefined) return;
  const changed = results.flatMap(({ id, title, heading, text, words, format, tenant }) => {
    const read = (format === "code" ? codeIndexWords : indexWords)(title, heading, text);
    return read === words ? [] : [{ id, words: read, tenant }];
  });
  await db.batch([
    db
      .prepare(
        "UPDATE chunks SET words = new.value ->> 'words' FROM json_each(?1) AS new WHERE chunks.id = new.value ->> 'id'",
      )
      .bind(JSON.stringify(changed)),
    db
      .prepare(
        `UPDATE tenants SET index_version = index_version + 1, changed_at_ms = ?2
         WHERE tenant IN (SELECT value FROM json_each(?1))`,
      )
      .bind(JSON.stringify([...new Set(changed.map(({ tenant }) => tenant))]), now_ms),
    db.prepare("DELETE FROM sequences WHERE name GLOB ?1 || '*' AND name <> ?1 || ?2").bind(CURSOR, `${WORDS_VERSION}`),
    db
      .prepare("INSERT INTO sequences (name, next) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET next = max(next, ?2)")
      .bind(`${CURSOR}${WORDS_VERSION}`, last.id + 1),
  ]);
}
