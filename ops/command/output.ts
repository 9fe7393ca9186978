/**
 * Where a command's words go: the result to stdout (one JSON document with `--json`), everything else to stderr.
 *
 * Tables, colours and bars are for terminals; a pipe gets plain lines that `cut` and `grep` understand.
 */
import { styleText } from "node:util";
import Table from "cli-table3";

interface Column<Row> {
  title: string;
  value: (row: Row) => string | number;
  align?: "left" | "right";
  /** The values are the command's own words, perhaps in colour: they are drawn as they are. */
  own_words?: boolean;
}

/** Colours are used on a terminal unless NO_COLOR is set (https://no-color.org: to anything but the empty string). */
export function usesColour(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && (env.NO_COLOR ?? "") === "";
}

/**
 * Text of others on one line and without power over the terminal: control characters, line and paragraph separators and
 * marks that reverse the direction of writing become their escapes.
 */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, (char) => {
    const hex = char.charCodeAt(0).toString(16).padStart(4, "0");
    return { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[char] ?? `\\u${hex}`;
  });
}

/** A drawn table on a terminal; otherwise a header line and one tab-separated line a row. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], terminal: boolean): string {
  const titles = columns.map((column) => column.title);
  const cells = rows.map((row) => columns.map((column) => cell(column, row)));
  if (!terminal) return [titles, ...cells].map((line) => line.join("\t")).join("\n");
  const drawn = new Table({
    head: titles,
    colAligns: columns.map((column) => column.align ?? "left"),
    style: { head: [], border: [], compact: true },
  });
  drawn.push(...cells);
  return drawn.toString();
}

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
