/**
 * Where a command's words go: the result to stdout (one JSON document with `--json`), everything else to stderr.
 *
 * Tables, colours and bars are for terminals; a pipe gets plain lines that `cut` and `grep` understand.
 */
import { stripVTControlCharacters, styleText } from "node:util";
import Table from "cli-table3";

interface Column<Row> {
  title: string;
  value: (row: Row) => string | number;
  align?: "left" | "right";
  /** The values are the command's own words, perhaps in colour: they are drawn as they are. */
  own_words?: boolean;
  /** It is the one that is broken into lines where the table would be wider than the terminal; of none the widest whose words fit. */
  wraps?: boolean;
}

/** Of a terminal that does not say how wide it is. */
const WIDTH_DEFAULT = 100;

/** Colours are used on a terminal unless NO_COLOR is set (https://no-color.org: to anything but the empty string). */
export function usesColour(stream: { isTTY?: boolean }, env: Readonly<Record<string, string | undefined>>): boolean {
  return stream.isTTY === true && (env.NO_COLOR ?? "") === "";
}

/**
 * Text of others on one line and without power over the terminal: control characters, line and paragraph separators and
 * marks that reverse the direction of writing become their escapes.
 */
export function harmless(text: string): string {
  return text.replace(COMMANDING, escaped);
}

const COMMANDING = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;
/** Beside the lines (those of calendars end with CRLF), columns and colours that a command draws with. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
const COMMANDING_ON_SCREEN = /(\u001b\[[0-9;]*m)|(?![\n\t]|\r\n)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** What a command shows, whatever it was made of: it may have lines, columns and colours, and commands the terminal nothing else. */
export function harmlessScreen(text: string): string {
  return text.replace(COMMANDING_ON_SCREEN, (found, colour?: string) => colour ?? escaped(found));
}

/** The same JSON in a spelling that commands no terminal either. */
export function harmlessJson(data: unknown, replacer?: (name: string, value: unknown) => unknown): string {
  return harmless(JSON.stringify(data, replacer));
}

function escaped(char: string): string {
  const hex = char.charCodeAt(0).toString(16).padStart(4, "0");
  return { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[char] ?? `\\u${hex}`;
}

/** A drawn table on a terminal; otherwise a header line and one tab-separated line a row. */
export function table<Row>(terminal: boolean, rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const titles = columns.map((column) => column.title);
  const cells = rows.map((row) => columns.map((column) => cell(column, row)));
  if (!terminal) return [titles, ...cells].map((line) => line.join("\t")).join("\n");
  const drawn = new Table({
    colWidths: columnWidths(columns, [titles, ...cells], process.stdout.columns || WIDTH_DEFAULT),
    wordWrap: true,
    head: titles,
    colAligns: columns.map((column) => column.align ?? "left"),
    style: { head: [], border: [], compact: true },
  });
  drawn.push(...cells);
  return drawn.toString();
}

/** Null: as wide as its longest cell. Each has a space on both sides and a line before it, the last one a line behind it, too. */
function columnWidths<Row>(
  columns: readonly Column<Row>[],
  lines: readonly (readonly string[])[],
  width: number,
): (number | null)[] {
  const columnAt = (at: number) => lines.map((line) => stripVTControlCharacters(line[at] ?? ""));
  const longest = (texts: readonly string[]) => Math.max(...texts.map(({ length }) => length));
  const widths = columns.map((_, at) => 2 + longest(columnAt(at)));
  const over = widths.reduce((sum, one) => sum + one + 1, 1) - width;
  if (over <= 0) return columns.map(() => null);
  const narrowed = widths.map((own) => Math.max(WRAPPED_WIDTH_MIN, own - over));
  /** A word is not broken, so that it can be copied. */
  const mayWrap = (at: number) =>
    columns[at]?.wraps || 2 + longest(columnAt(at).flatMap((text) => text.split(" "))) <= (narrowed[at] ?? 0);
  const widestFirst = [...widths.keys()].sort((one, other) => (widths[other] ?? 0) - (widths[one] ?? 0));
  const declared = columns.findIndex(({ wraps }) => wraps);
  const wrapping = declared >= 0 ? declared : widestFirst.find(mayWrap);
  return columns.map((_, at) => (at === wrapping ? (narrowed[at] ?? null) : null));
}
const WRAPPED_WIDTH_MIN = 24;

function cell<Row>({ value, own_words }: Column<Row>, row: Row): string {
  const text = String(value(row));
  return own_words ? text : harmless(text);
}

/** The same for text that may have several lines; those after the first are indented, so that none passes for another's. */
export function harmlessLines(text: string): string {
  return text.split("\n").map(harmless).join("\n  ");
}

/** `pass` and `fail` in their colours on a terminal. */
export function verdict(ok: boolean, colour: boolean): string {
  const word = ok ? "pass" : "FAIL";
  return colour ? styleText(ok ? "green" : "red", word, { validateStream: false }) : word;
}
