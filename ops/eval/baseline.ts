/**
 * The yardstick of `ops eval retrieval`: plain SQLite FTS5, whole documents, no tricks.
 *
 * Two columns (title, text) with equal weights, `porter unicode61`, default bm25(), the query's words joined by OR.
 * Stopwords are dropped, which makes it the stronger opponent (Cranfield nDCG@10 .520 instead of .508). It runs inside this process, so its latency has no HTTP in it.
 */
import { DatabaseSync } from "node:sqlite";
import { STOPWORDS } from "../../worker/rag/text/stopwords.ts";
import type { BeirDocument } from "./beir.ts";

interface Baseline {
  /** Document ids, best first. */
  search(query: string, limit: number): string[];
  close(): void;
}

export function createBaseline(documents: readonly BeirDocument[]): Baseline {
  const db = new DatabaseSync(":memory:");
  db.exec("CREATE VIRTUAL TABLE documents USING fts5(title, text, tokenize = 'porter unicode61')");
  const insert = db.prepare("INSERT INTO documents (rowid, title, text) VALUES (?, ?, ?)");
  db.exec("BEGIN");
  for (const [index, { title, text }] of documents.entries()) insert.run(index, title, text);
  db.exec("COMMIT");
  const select = db.prepare("SELECT rowid FROM documents WHERE documents MATCH ? ORDER BY rank LIMIT ?");
  return {
    search(query, limit) {
      const words = [...new Set(query.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])];
      if (words.length === 0) return [];
      const content = words.filter((word) => !STOPWORDS.has(word));
      const match = (content.length > 0 ? content : words).map((word) => `"${word}"`).join(" OR ");
      return select.all(match, limit).map((row) => documents[Number(row.rowid)]?.id ?? "");
    },
    close: () => db.close(),
  };
}
