/** Fills the peers' database with the chunks that the service holds: same texts, same tokenizer. */
import type { D1Database } from "@cloudflare/workers-types";

const SCHEMA = [
  "CREATE TABLE IF NOT EXISTS chunks (id INTEGER NOT NULL PRIMARY KEY, title TEXT NOT NULL, text TEXT NOT NULL)",
  `CREATE VIRTUAL TABLE IF NOT EXISTS chunks_fts USING fts5 (
     title, text, content = 'chunks', content_rowid = 'id', tokenize = 'porter unicode61 remove_diacritics 2')`,
];

/** `rows` are `[id, title, text]`. */
export async function load(db: D1Database, rows: unknown): Promise<{ loaded: true }> {
  const json = JSON.stringify(rows);
  const values = "SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1)";
  await db.batch([
    ...SCHEMA.map((sql) => db.prepare(sql)),
    db.prepare(`INSERT INTO chunks (id, title, text) ${values}`).bind(json),
    db.prepare(`INSERT INTO chunks_fts (rowid, title, text) ${values}`).bind(json),
  ]);
  return { loaded: true };
}
