/**
 * Excel's workbooks (.xlsx): each sheet a table under its name, with numbers as the sheet shows them. Format: ECMA-376, part 1, 18.3 and
 * 18.8.
 */
import { strToU8, type Zippable, zipSync } from "fflate";
import type { RootContent } from "mdast";
import readWorkbook from "read-excel-file/universal";
import { CONVERT_CELLS_MAX } from "../limits.ts";
import { openArchive } from "./archive.ts";
import { markdownOf, sheetOf } from "./markdown.ts";
import { numberFormats, type ShowNumber } from "./number-format.ts";
import { type Parser, Refused } from "./parser.ts";

const PART = /\.(?:xml|rels)$/;
const SHEET = /^xl\/worksheets\/[^/]+\.xml$/;
const CELL = /<(?:\w+:)?c(?=[\s>])(?:[^>]*?\sr="([A-Z]{1,3})(\d{1,7})")?[^>]*>/g;
/** Formatted and without a value, as all cells of a column may be. */
const EMPTY_CELL = /<(?:\w+:)?c(?:\s[^>]*)?(?:\/>|><\/(?:\w+:)?c>)/g;
/** With its attributes, and what is in it. */
const FILLED_CELL = /<((?:\w+:)?)c(\s[^<>]*)>((?:[^<]|<(?!(?:\w+:)?c[\s>]))*?)<\/\1c>/g;
const VALUE = /<(?:\w+:)?v(?:\s[^>]*)?>([^<]+)</;
const LETTERS = 26;

export const parseXlsx: Parser = async (bytes) => {
  const sheets = await readWorkbook(prepared(bytes).buffer as ArrayBuffer);
  let cells = 0;
  const blocks = sheets.flatMap(({ sheet, data }): RootContent[] => {
    cells += data.reduce((sum, row) => sum + row.length, 0);
    if (cells > CONVERT_CELLS_MAX) throw new Refused(TOO_MANY);
    return sheetOf(
      sheet,
      data.map((row) => row.map(textOf)),
    );
  });
  return markdownOf(blocks);
};

const TOO_MANY = `has more than ${CONVERT_CELLS_MAX} cells; split it`;

/**
 * The workbook without pictures, and without the cells that hold nothing: its library makes a table of all that lies between the first
 * cell and the last. Formatted numbers are text already, which it knows nothing of. Stored, not deflated: it inflates large parts in
 * threads, which its process may not start.
 */
function prepared(bytes: Uint8Array): Uint8Array {
  const { names, read } = openArchive(bytes);
  const show = numberFormats(read);
  const parts: Zippable = {};
  for (const name of [...names].filter((one) => PART.test(one))) {
    const part = read(name) as Buffer;
    if (SHEET.test(name)) {
      const xml = part.toString("utf8").replace(EMPTY_CELL, "");
      checkArea(xml);
      parts[name] = strToU8(withShownNumbers(xml, show));
    } else parts[name] = new Uint8Array(part);
  }
  return zipSync(parts, { level: 0 });
}

/** @throws Refused for a sheet that reaches farther than cells are read, whatever is between. */
function checkArea(xml: string): void {
  let [cells, columns, rows] = [0, 0, 0];
  for (const [, letters = "", row] of xml.matchAll(CELL)) {
    cells += 1;
    const column = [...letters].reduce((number, letter) => number * LETTERS + letter.charCodeAt(0) - 64, 0);
    columns = Math.max(columns, column);
    rows = Math.max(rows, Number(row ?? 0));
    if (cells > CONVERT_CELLS_MAX) throw new Refused(TOO_MANY);
  }
  if (columns * rows > CONVERT_CELLS_MAX)
    throw new Refused(
      `has cells as far as row ${rows} and column ${columns}, more than ${CONVERT_CELLS_MAX} in all; split it`,
    );
}

/** Numbers that have a format become the text of a formula, as which a cell is text without being among the shared ones. */
function withShownNumbers(xml: string, show: ShowNumber): string {
  return xml.replace(FILLED_CELL, (cell: string, prefix: string, attributes: string, content: string) => {
    if (!/^n?$/.test(/\st="(\w+)"/.exec(attributes)?.[1] ?? "")) return cell;
    const value = Number(VALUE.exec(content)?.[1] ?? Number.NaN);
    const shown = show(value, Number(/\ss="(\d+)"/.exec(attributes)?.[1] ?? 0));
    if (shown === undefined) return cell;
    const place = /\sr="\w+"/.exec(attributes)?.[0] ?? "";
    const text = shown.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    return `<${prefix}c${place} t="str"><${prefix}v>${text}</${prefix}v></${prefix}c>`;
  });
}

/** Numbers lose what binary fractions add. Dates as such are those that the file holds as text. */
function textOf(cell: unknown): string {
  if (cell instanceof Date)
    return cell
      .toISOString()
      .replace(/T00:00:00\.000Z$/, "")
      .replace(".000Z", "Z");
  return typeof cell === "number" ? String(Number(cell.toPrecision(15))) : String(cell ?? "");
}
