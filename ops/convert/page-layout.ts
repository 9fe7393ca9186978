/**
 * Pieces of text with their places on a page, to blocks of Markdown. Pure.
 *
 * A PDF knows no headings, lists and tables: what is larger than the body is a heading, what begins with a bullet an item, and
 * lines with the same number of parts far from each other are rows. Lines are read in the order of the file, which is that of
 * reading but for what was drawn otherwise.
 */
import type { RootContent } from "mdast";
import { headingOf, paragraphOf, tableOf } from "./markdown.ts";

/** As PDF.js gives it: the last two numbers of `transform` are its place, the two before them its size. */
export interface Piece {
  str: string;
  transform: number[];
  width: number;
}

export interface Line {
  /** Parts with a gap between them: one in running text, several in a row of a table. */
  cells: string[];
  size: number;
  y: number;
}

/** In sizes of the text: a new line is lower by more, words are this far apart at least, and columns. */
const LINE_DROP = 0.5;
const WORD_GAP = 0.15;
const CELL_GAP = 1.2;
/** A line that is lower than this many sizes begins a paragraph. */
const PARAGRAPH_DROP = 1.6;
const HEADING_FACTOR = 1.15;
const HEADING_CHARS_MAX = 200;
/** Below the page's own heading. */
const HEADING_LEVEL_FIRST = 4;
const BULLET = /^\s*[•◦▪‣●○–*-]\s+/;

/** Lines of a page in the order of the file. */
export function linesOf(pieces: readonly Piece[]): Line[] {
  const lines: Line[] = [];
  let end_x = 0;
  for (const { str, transform, width } of pieces) {
    if (str.trim() === "") continue;
    const [, , c = 0, d = 0, x = 0, y = 0] = transform;
    const size = Math.hypot(c, d) || 1;
    const line = lines.at(-1);
    const gap = (x - end_x) / size;
    if (line === undefined || Math.abs(line.y - y) > LINE_DROP * size || gap < -1) {
      lines.push({ cells: [str], size, y });
    } else {
      const last = line.cells.length - 1;
      if (gap > CELL_GAP) line.cells.push(str);
      else line.cells[last] += (gap > WORD_GAP ? " " : "") + str;
      line.size = Math.max(line.size, size);
    }
    end_x = x + width;
  }
  return lines;
}

/** The size of most of the text, in the units of the pages; 0 without any. */
export function bodySize(lines: readonly Line[]): number {
  const chars = new Map<number, number>();
  for (const { size, cells } of lines) {
    const rounded = Math.round(size * 2) / 2;
    chars.set(rounded, (chars.get(rounded) ?? 0) + cells.join("").length);
  }
  return [...chars].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 0;
}

export function blocksOf(lines: readonly Line[], body: number): RootContent[] {
  const blocks: RootContent[] = [];
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] as Line;
    const rows = rowsFrom(lines, at);
    if (rows > 1) {
      blocks.push(tableOf(lines.slice(at, at + rows).map(({ cells }) => cells)));
      at += rows;
      continue;
    }
    const text = line.cells.join(" ").replace(/\s+/g, " ").trim();
    if (line.size > body * HEADING_FACTOR && text.length <= HEADING_CHARS_MAX) {
      blocks.push(headingOf(headingLevel(line.size / body), text));
      at += 1;
      continue;
    }
    const length = runFrom(lines, at, body);
    addText(blocks, joined(lines.slice(at, at + length)));
    at += length;
  }
  return blocks;
}

/** How many lines from this one on have as many cells as it, if it has several. */
function rowsFrom(lines: readonly Line[], from: number): number {
  const cells = lines[from]?.cells.length ?? 0;
  if (cells < 2) return 0;
  const rest = lines.slice(from).findIndex((line) => line.cells.length !== cells);
  return rest < 0 ? lines.length - from : rest;
}

/** How many lines make one paragraph or item. */
function runFrom(lines: readonly Line[], from: number, body: number): number {
  let length = 1;
  for (let at = from + 1; at < lines.length; at += 1, length += 1) {
    const [before, line] = [lines[at - 1], lines[at]] as [Line, Line];
    const drop = (before.y - line.y) / line.size;
    const isNext = drop > 0 && drop <= PARAGRAPH_DROP && line.size <= body * HEADING_FACTOR;
    if (!isNext || rowsFrom(lines, at) > 1 || BULLET.test(line.cells[0] ?? "")) break;
  }
  return length;
}

/** A word that was divided at the end of a line is whole again. */
function joined(lines: readonly Line[]): string {
  return lines
    .map(({ cells }) => cells.join(" ").trim())
    .reduce((text, line) =>
      /\p{Ll}-$/u.test(text) && /^\p{Ll}/u.test(line) ? text.slice(0, -1) + line : `${text} ${line}`,
    )
    .replace(/\s+/g, " ");
}

function addText(blocks: RootContent[], text: string): void {
  if (!BULLET.test(text)) {
    blocks.push(paragraphOf(text));
    return;
  }
  const item = { type: "listItem" as const, spread: false, children: [paragraphOf(text.replace(BULLET, ""))] };
  const last = blocks.at(-1);
  if (last?.type === "list") last.children.push(item);
  else blocks.push({ type: "list", spread: false, children: [item] });
}

/** Twice the body is a title, half as much again a chapter. */
function headingLevel(factor: number): 4 | 5 | 6 {
  return factor >= 1.8 ? HEADING_LEVEL_FIRST : factor >= 1.4 ? 5 : 6;
}
