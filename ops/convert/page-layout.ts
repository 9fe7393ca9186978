/**
 * Pieces of text with their places on a page, to blocks of Markdown. Pure.
 *
 * A PDF knows no headings, lists and tables: what is larger than the body is a heading, what begins with a bullet or number an
 * item, and lines whose parts stand in the same columns are rows (`page-table.ts`). Lines are read in the order of the file, which is that of
 * reading but for what was drawn otherwise.
 */
import type { RootContent } from "mdast";
import { headingOf, paragraphOf, tableOf } from "./markdown.ts";
import { type Cell, type Line, tableFrom } from "./page-table.ts";

/** As PDF.js gives it: the last two numbers of `transform` are its place, the two before them its size. */
export interface Piece {
  str: string;
  transform: number[];
  width: number;
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
/** Fonts of symbols have their bullets where Unicode has nothing. */
const BULLET = /^\s*(?:[•◦▪‣●○\u{E000}-\u{F8FF}]\s*|[–*-]\s+)(?=\S)/u;
const NUMBER = /^\s*(\d{1,3})[.)]\s*(?=\p{L})/u;
/** In sizes of its line: a number that is smaller and stands higher is that of a note, unless it belongs to a unit (`m²`). */
const NOTE_SIZE = 0.8;
const BEFORE_NOTE = /\p{L}{3}[.,;:!?)"”’]?$/u;

/** Lines of a page in the order of the file. */
export function linesOf(pieces: readonly Piece[]): Line[] {
  const lines: Line[] = [];
  let end = 0;
  for (const { str, transform, width } of pieces) {
    if (str.trim() === "") continue;
    const [, , c = 0, d = 0, x = 0, y = 0] = transform;
    const size = Math.hypot(c, d) || 1;
    const line = lines.at(-1);
    const scale = Math.max(size, line?.size ?? 0);
    const gap = (x - end) / scale;
    const cell: Cell = { text: str, start: x, end: x + width };
    if (line === undefined || Math.abs(line.y - y) > LINE_DROP * scale || gap < -1) {
      lines.push({ cells: [cell], size, y });
    } else {
      const last = line.cells.at(-1) as Cell;
      const isNote = size < NOTE_SIZE * line.size && y > line.y && /^\d+$/.test(str) && BEFORE_NOTE.test(last.text);
      if (gap > CELL_GAP) line.cells.push(cell);
      else {
        last.text += isNote ? ` [${str}]` : (gap > WORD_GAP ? " " : "") + str;
        last.end = Math.max(last.end, cell.end);
      }
      line.size = Math.max(line.size, size);
    }
    end = x + width;
  }
  return lines;
}

/** The size of most of the text, in the units of the pages; 0 without any. */
export function bodySize(lines: readonly Line[]): number {
  const chars = new Map<number, number>();
  for (const { size, cells } of lines) {
    const rounded = Math.round(size * 2) / 2;
    chars.set(rounded, (chars.get(rounded) ?? 0) + cells.reduce((sum, { text }) => sum + text.length, 0));
  }
  return [...chars].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 0;
}

export function blocksOf(lines: readonly Line[], body: number): RootContent[] {
  const blocks: RootContent[] = [];
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] as Line;
    const table = tableFrom(lines, at);
    if (table !== undefined) {
      blocks.push(tableOf(table.rows));
      at += table.lines;
      continue;
    }
    const text = textOf(line).replace(/\s+/g, " ");
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

/** How many lines make one paragraph or item. */
function runFrom(lines: readonly Line[], from: number, body: number): number {
  let length = 1;
  for (let at = from + 1; at < lines.length; at += 1, length += 1) {
    const [before, line] = [lines[at - 1], lines[at]] as [Line, Line];
    const drop = (before.y - line.y) / line.size;
    const isNext = drop > 0 && drop <= PARAGRAPH_DROP && line.size <= body * HEADING_FACTOR;
    const text = textOf(line);
    if (!isNext || BULLET.test(text) || NUMBER.test(text) || tableFrom(lines, at) !== undefined) break;
  }
  return length;
}

/** A word that was divided at the end of a line is whole again. */
function joined(lines: readonly Line[]): string {
  return lines
    .map(textOf)
    .reduce((text, line) =>
      /\p{Ll}-$/u.test(text) && /^\p{Ll}/u.test(line) ? text.slice(0, -1) + line : `${text} ${line}`,
    )
    .replace(/\s+/g, " ");
}

function addText(blocks: RootContent[], text: string): void {
  const number = NUMBER.exec(text);
  const mark = number ?? BULLET.exec(text);
  if (mark === null) {
    blocks.push(paragraphOf(text));
    return;
  }
  const start = number === null ? undefined : Number(number[1]);
  const item = { type: "listItem" as const, spread: false, children: [paragraphOf(text.slice(mark[0].length))] };
  const last = blocks.at(-1);
  const isNext = last?.type === "list" && (last.start ?? undefined) === (start && start - last.children.length);
  if (isNext) last.children.push(item);
  else
    blocks.push({ type: "list", ordered: start !== undefined, start: start ?? null, spread: false, children: [item] });
}

function textOf({ cells }: Line): string {
  return cells
    .map(({ text }) => text)
    .join(" ")
    .trim();
}

/** Twice the body is a title, half as much again a chapter. */
function headingLevel(factor: number): 4 | 5 | 6 {
  return factor >= 1.8 ? HEADING_LEVEL_FIRST : factor >= 1.4 ? 5 : 6;
}
