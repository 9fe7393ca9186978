/** What stands above a chunk: the headings that its pieces share, the head of a table that began earlier, names of code. Pure. */
import { CHUNK_SYMBOLS_CHARS_MAX, CHUNK_TABLE_HEAD_CHARS_MAX } from "../../limits.ts";
import { HEADING_SEPARATOR } from "../text/heading-path.ts";
import { CONTINUED, SYMBOL_SEPARATOR } from "../text/identifiers.ts";
import { type Block, lineAt } from "../text/markdown-blocks.ts";
import { cutSafely } from "../text/text-units.ts";
import { isPageTitle } from "./paged-text.ts";

/** What a piece of a document tells about its place. */
export interface Named {
  /** Headings that it stands under; undefined for what says nothing about its place (headings, front matter). */
  path: readonly string[] | undefined;
  /** Of a heading: those that it stands under itself. */
  under?: readonly string[];
  /** Of code: the declaration that it is of. */
  symbol?: string | undefined;
  /** Of a table below its first row: that row. */
  head?: string | undefined;
}

/** Of what stands before a table's first row in quotes and lists. */
const CONTAINER_MARKS = /^(?:[\s>]|[-+*]\s|\d{1,9}[.)]\s)*/;

/** The first row of a table, as it is written, and where it ends; of a very wide one as many columns as there is room for. */
export function tableHead(text: string, table: Block): { row: string; end: number } {
  const { body, end } = lineAt(text, table.start);
  const row = body.replace(CONTAINER_MARKS, "").replace(/\s+/g, " ");
  const fitting = cutSafely(row, CHUNK_TABLE_HEAD_CHARS_MAX);
  return { row: fitting === row ? row : fitting.slice(0, fitting.lastIndexOf("|") + 1), end };
}

/** What continues a thing of this name. */
export function continued(name: Omit<Named, "path">): Omit<Named, "path"> {
  const { symbol } = name;
  return symbol === undefined || symbol.endsWith(CONTINUED) ? name : { symbol: symbol + CONTINUED };
}

/**
 * Whether a chunk that begins like this takes nothing in from under the headings `path`: a table, or a page, that began in an earlier
 * chunk is told by the chunk's heading alone, which what follows it would not share.
 */
export function staysApart(first: Named | undefined, path: readonly string[]): boolean {
  const page = (first?.path ?? first?.under)?.find(isPageTitle);
  return first?.head !== undefined || (page !== undefined && !path.includes(page));
}

/** The heading of a chunk. */
export function headingOf(pieces: readonly Named[]): string {
  const symbols = new Set(pieces.flatMap(({ symbol }) => symbol ?? []));
  const [first] = pieces;
  if (symbols.size === 0) return [...sharedPath(pieces), ...(first?.head ? [first.head] : [])].join(HEADING_SEPARATOR);
  let heading = "";
  for (const symbol of symbols) {
    if (symbol.endsWith(CONTINUED) && symbols.has(symbol.slice(0, -CONTINUED.length))) continue;
    const longer = heading === "" ? symbol : heading + SYMBOL_SEPARATOR + symbol;
    if (longer.length > CHUNK_SYMBOLS_CHARS_MAX) break;
    heading = longer;
  }
  return heading;
}

function sharedPath(pieces: readonly Named[]): readonly string[] {
  const paths = pieces.map((piece) => piece.path).filter((path) => path !== undefined);
  return paths.reduce((shared, path) => {
    const differs = shared.findIndex((part, depth) => part !== path[depth]);
    return differs === -1 ? shared : shared.slice(0, differs);
  }, paths[0] ?? []);
}
