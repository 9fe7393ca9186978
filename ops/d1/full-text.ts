/**
 * A full-text index over another table's rows, made anew from them.
 *
 * FTS5's own `rebuild` is one statement, and D1 ends a statement after 30 s: enough for a small table only. A larger one is indexed page by
 * page, which comes to the same words and rows. Such a page must not run twice, so it is never repeated by itself: the whole begins again.
 */
import { FULL_TEXT_PAGE_ROWS } from "../limits.ts";
import type { D1Connection } from "./connection.ts";
import { optionOf } from "./full-text-options.ts";
import { type Definition, quoted } from "./schema.ts";

/**
 * Rebuilds the index of the FTS5 table `definition`, which has `content = …`. `page_rows`: at most so many rows a statement.
 * @throws OpsError in D1's words; then the index is incomplete until this is done again.
 */
export async function rebuildFullText(
  connection: D1Connection,
  { name, sql }: Definition,
  page_rows = FULL_TEXT_PAGE_ROWS,
): Promise<void> {
  const command = (word: string) => ({ sql: `INSERT INTO ${quoted(name)} (${quoted(name)}) VALUES ('${word}')` });
  const content = quoted(optionOf(sql, "content") ?? "");
  const id = quoted(optionOf(sql, "content_rowid") ?? "rowid");
  const [columns, size] = await connection.batch([
    { sql: "SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0 ORDER BY cid", params: [name] },
    { sql: `SELECT count(*) FROM (SELECT 1 FROM ${content} LIMIT ${page_rows + 1})` },
  ]);
  if (Number(size?.rows[0]?.[0]) <= page_rows) {
    await connection.batch([command("rebuild")], { repeatable: true });
    return;
  }
  await connection.batch([command("delete-all")], { repeatable: true });
  const names = (columns?.rows ?? []).map(([column]) => quoted(String(column))).join(", ");
  for (let after: string | undefined = "-9223372036854775808", isFirst = true; after !== undefined; isFirst = false) {
    const page = `FROM ${content} WHERE ${id} ${isFirst ? ">=" : ">"} ${after} ORDER BY ${id} LIMIT ${page_rows}`;
    const [, last] = await connection.batch([
      { sql: `INSERT INTO ${quoted(name)} (rowid, ${names}) SELECT ${id}, ${names} ${page}` },
      { sql: `SELECT CAST(max(id) AS TEXT) FROM (SELECT ${id} AS id ${page})` },
    ]);
    after = last?.rows[0]?.[0]?.toString();
  }
}
