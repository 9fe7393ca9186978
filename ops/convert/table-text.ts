/** CSV as one table, whichever of the usual marks separates its fields. */
import { parse } from "csv-parse/sync";
import { textOfBytes } from "../../worker/rag/ingest/text-encoding.ts";
import { markdownOf, tableOf } from "./markdown.ts";
import type { Parser } from "./parser.ts";

const SEPARATORS = [",", ";", "\t"];
/** Excel's own way to name it. */
const NAMED = /^sep=(.)\r?\n/i;

export const parseCsv: Parser = (bytes) => {
  const text = textOfBytes(bytes, "text/csv") ?? "";
  const [line, named] = NAMED.exec(text) ?? [""];
  const [head = ""] = text.split("\n", 1);
  const names = head.replace(/"[^"]*"/g, "");
  const count = (mark: string) => names.split(mark).length;
  const delimiter = named ?? SEPARATORS.toSorted((a, b) => count(b) - count(a))[0];
  const rows: string[][] = parse(text.slice(line.length), {
    delimiter,
    bom: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
  });
  const table = tableOf(rows);
  return table.children.length === 0 ? "" : markdownOf([table]);
};
