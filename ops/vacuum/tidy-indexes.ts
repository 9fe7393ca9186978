/** What D1 allows of SQLite's own maintenance: full-text indexes merged into one segment, statistics for the planner. */
import type { D1Connection } from "../d1/connection.ts";
import { firstNumber } from "../d1/query.ts";
import { quoted, readSchema } from "../d1/schema.ts";
import { FULL_TEXT_MERGE_PAGES } from "../limits.ts";

/** @throws OpsError in D1's words. */
export async function tidyIndexes(
  connection: D1Connection,
  on_step: (step: string) => void,
): Promise<{ full_text: string[] }> {
  const { virtual_tables } = await readSchema(connection);
  const full_text = virtual_tables.filter(({ sql }) => /\busing\s+fts5\b/i.test(sql)).map(({ name }) => name);
  for (const name of full_text) {
    on_step(`full-text index ${name}`);
    await mergeSegments(connection, name);
  }
  on_step("statistics");
  await connection.batch([{ sql: "ANALYZE" }], { repeatable: true });
  await connection.batch([{ sql: "PRAGMA optimize" }], { repeatable: true });
  return { full_text };
}

/** `optimize` in pieces, for one statement has 30 s. https://www.sqlite.org/fts5.html#the_merge_command */
async function mergeSegments(connection: D1Connection, name: string): Promise<void> {
  const index = quoted(name);
  const changes = { sql: "SELECT total_changes()" };
  // The negative number begins a merge of all segments; less than two changes say that it is done.
  for (let pages = -FULL_TEXT_MERGE_PAGES, changed = 2; changed >= 2; pages = FULL_TEXT_MERGE_PAGES) {
    const [before, , after] = await connection.batch([
      changes,
      { sql: `INSERT INTO ${index} (${index}, rank) VALUES ('merge', ${pages})` },
      changes,
    ]);
    changed = firstNumber(after) - firstNumber(before);
  }
}
