/**
 * Where the blocks of a Markdown document begin and end: what the chunker needs to know and nothing more.
 * Blocks tile the text: each starts where the one before it ended (blank lines belong to the block before them).
 *
 * Why a line scanner and not a parser library: on 1 MB of documentation marked's and markdown-it's block passes
 * are fast enough (about 20 ms), but both are quadratic on input that a writer controls (deep quotes, long lists,
 * lazy lines, reference definitions: 0.3–3 MB/s, so a 100 kB document could eat the free plan's 10 ms of CPU
 * many times over); they bring 15–40 kB compressed and inline rules that nothing here needs, and work on a
 * rewritten copy of the text, while chunks must be exact slices. Here every line is classified once.
 * What it simplifies: reference definitions and HTML blocks that end at a blank line count as paragraphs, setext
 * headings are one line long, and quotes and list items are containers without an inner heading path.
 */
import { CHUNK_HEADING_CHARS_MAX } from "../../limits.ts";
import { cutSafely } from "./text-units.ts";

export type BlockKind = "front-matter" | "heading" | "code" | "table" | "list" | "quote" | "paragraph";

/** A slice `[start, end)` of the text in UTF-16 code units. */
export interface Block {
  kind: BlockKind;
  start: number;
  end: number;
  /** Of a heading: 1 to 6, and its text without Markdown marks. */
  level?: number;
  title?: string;
}

export const FENCE = /^(`{3,}(?=[^`]*$)|~{3,})/;
export const LIST_MARKER = /^(?:[-+*]|\d{1,9}[.)])(?:[ \t]+|$)/;
/** Only these may interrupt a paragraph (CommonMark): otherwise "…in the year\n1984. It…" would begin a list. */
const INTERRUPTING_LIST_MARKER = /^(?:[-+*]|1[.)])[ \t]+\S/;
export const THEMATIC_BREAK = /^(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const TABLE_DELIMITER = /^[ \t|:-]+$/;
const INTERRUPTING_FIRST = /^[`~#>\-+*1<$]/;
const SETEXT_UNDERLINE = /^(?:=+|-+)[ \t]*$/;
/** A formula on lines of its own, as GitHub and Pandoc write it; one that is closed on its first line is a paragraph. */
const MATH_FENCE = /^\$\$(?!.*\$\$)/;
const ATX = /^#{1,6}(?=[ \t]|$)/;
const FRONT_MATTER_KEY = /^(?:[A-Za-z_][\w.-]*|"[^"]+"|'[^']+')[ \t]*:(?:[ \t]|$)/;
/** HTML that may contain blank lines and lines that look like Markdown, with what ends it. */
const RAW_HTML: readonly { open: RegExp; close: RegExp }[] = [
  { open: /^<!--/, close: /-->/ },
  { open: /^<(?:pre|script|style|textarea)(?=[\s>]|$)/i, close: /<\/(?:pre|script|style|textarea)>/i },
];

interface Line {
  start: number;
  /** After the line feed. */
  end: number;
  /** Columns of leading white space, a tab reaching to the next multiple of four. */
  indent: number;
  /** The line without leading white space and without line feed; empty for a blank line. */
  body: string;
}

/** The top-level blocks of a normalised Markdown document, in order, without a gap. */
export function scanMarkdown(text: string): Block[] {
  const blocks: Block[] = [];
  let line = lineAt(text, 0);
  const add = (kind: BlockKind, end: number, heading?: { level: number; title: string }): void => {
    blocks.push({ kind, start: blocks.at(-1)?.end ?? 0, end, ...heading });
    line = lineAt(text, end);
  };
  if (opensFrontMatter(text, line)) add("front-matter", frontMatterEnd(text, line.end));

  while (line.start < text.length) {
    const last = blocks.at(-1);
    const heading = atxHeading(line);
    const raw = line.body.startsWith("<") && RAW_HTML.find(({ open }) => open.test(line.body));
    if (line.body === "") {
      if (last) last.end = line.end;
      line = lineAt(text, line.end);
      if (!last && line.start >= text.length) add("paragraph", text.length);
    } else if (line.indent >= 4) add("code", indentedCodeEnd(text, line));
    else if (FENCE.test(line.body)) add("code", fenceEnd(text, line));
    else if (MATH_FENCE.test(line.body)) add("code", mathEnd(text, line));
    else if (heading) add("heading", line.end, heading);
    else if (raw) add("code", rawHtmlEnd(text, line, raw.close));
    else if (line.body.startsWith(">")) add("quote", quoteEnd(text, line));
    else if (startsList(line)) add("list", listEnd(text, line));
    else if (startsTable(text, line)) add("table", tableEnd(text, line));
    else {
      const title = setextTitle(text, line);
      if (title) add("heading", lineAt(text, line.end).end, title);
      else add("paragraph", paragraphEnd(text, line));
    }
  }
  return blocks;
}

/** Paragraphs of plain text: blocks that end after a run of blank lines. */
export function scanPlainText(text: string): Block[] {
  const blocks: Block[] = [];
  const gap = /\n[ \t]*\n\s*/g;
  let start = 0;
  for (let match = gap.exec(text); match; match = gap.exec(text)) {
    if (match.index === 0) continue;
    blocks.push({ kind: "paragraph", start, end: gap.lastIndex });
    start = gap.lastIndex;
  }
  if (start < text.length) blocks.push({ kind: "paragraph", start, end: text.length });
  return blocks;
}

/** The line that begins at `start`; an empty one at the end of the text. */
export function lineAt(text: string, start: number): Line {
  const feed = text.indexOf("\n", start);
  const stop = feed === -1 ? text.length : feed;
  let indent = 0;
  let at = start;
  for (; at < stop; at++) {
    const code = text.charCodeAt(at);
    if (code === 32) indent++;
    else if (code === 9) indent += 4 - (indent % 4);
    else break;
  }
  return { start, end: feed === -1 ? text.length : feed + 1, indent, body: text.slice(at, stop).trimEnd() };
}

function opensFrontMatter(text: string, line: Line): boolean {
  if (line.start !== 0 || line.indent !== 0 || line.body !== "---") return false;
  let first = lineAt(text, line.end);
  while (first.indent === 0 && first.body.startsWith("#")) first = lineAt(text, first.end);
  return FRONT_MATTER_KEY.test(first.body);
}

/** After the closing line, or before the first blank one: what follows later must not change what was read. */
function frontMatterEnd(text: string, from: number): number {
  let line = lineAt(text, from);
  while (line.start < text.length && line.body !== "") {
    if (line.indent === 0 && (line.body === "---" || line.body === "...")) return line.end;
    line = lineAt(text, line.end);
  }
  return line.start;
}

function fenceEnd(text: string, opening: Line): number {
  const marker = FENCE.exec(opening.body)?.[1] ?? "";
  let line = lineAt(text, opening.end);
  while (line.start < text.length && !(line.indent < 4 && closesFence(line.body, marker)))
    line = lineAt(text, line.end);
  return line.end;
}

/** Up to the line that ends with `$$`; a formula has no blank lines, so one that is never closed takes no more than its paragraph. */
function mathEnd(text: string, opening: Line): number {
  let line = lineAt(text, opening.end);
  while (line.start < text.length && line.body !== "" && !line.body.endsWith("$$")) line = lineAt(text, line.end);
  return line.body === "" ? line.start : line.end;
}

/** A closing fence is the opening character only, at least as often. */
export function closesFence(body: string, marker: string): boolean {
  if (!body.startsWith(marker)) return false;
  const fence_char = marker.charCodeAt(0);
  for (let at = marker.length; at < body.length; at++) if (body.charCodeAt(at) !== fence_char) return false;
  return true;
}

function rawHtmlEnd(text: string, opening: Line, close: RegExp): number {
  let line = opening;
  while (line.start < text.length && !close.test(line.body)) line = lineAt(text, line.end);
  return line.end;
}

function indentedCodeEnd(text: string, first: Line): number {
  let end = first.end;
  for (let line = lineAt(text, end); line.start < text.length; line = lineAt(text, line.end)) {
    if (line.body !== "" && line.indent < 4) break;
    end = line.end;
  }
  return end;
}

function quoteEnd(text: string, first: Line): number {
  let line = lineAt(text, first.end);
  while (
    line.start < text.length &&
    line.body !== "" &&
    (line.body.startsWith(">") || !interruptsParagraph(text, line))
  )
    line = lineAt(text, line.end);
  return line.start;
}

function startsList(line: Line): boolean {
  return LIST_MARKER.test(line.body) && !THEMATIC_BREAK.test(line.body);
}

/** A list goes on over indented lines, further markers, and lazy lines that directly follow. */
function listEnd(text: string, first: Line): number {
  let after_blank = false;
  let line = lineAt(text, first.end);
  while (line.start < text.length) {
    const belongs =
      line.body === "" ||
      line.indent >= 2 ||
      startsList(line) ||
      (!after_blank && !interruptsParagraph(text, line) && !THEMATIC_BREAK.test(line.body));
    if (!belongs) break;
    after_blank = line.body === "";
    line = lineAt(text, line.end);
  }
  return line.start;
}

function startsTable(text: string, line: Line): boolean {
  return line.body.includes("|") && isDelimiter(lineAt(text, line.end).body);
}

/** A table's second line: only pipes, dashes, colons and spaces. */
export function isDelimiter(body: string): boolean {
  return body.includes("-") && body.includes("|") && TABLE_DELIMITER.test(body);
}

function tableEnd(text: string, header: Line): number {
  const delimiter = lineAt(text, header.end);
  let line = lineAt(text, delimiter.end);
  while (line.start < text.length && line.body !== "" && !interruptsTable(line)) line = lineAt(text, line.end);
  return line.start;
}

function paragraphEnd(text: string, first: Line): number {
  let line = first;
  do {
    if (THEMATIC_BREAK.test(line.body)) return line.end;
    line = lineAt(text, line.end);
  } while (line.start < text.length && line.body !== "" && !interruptsParagraph(text, line));
  return line.start;
}

function interruptsParagraph(text: string, line: Line): boolean {
  return interruptsTable(line) || startsTable(text, line);
}

function interruptsTable(line: Line): boolean {
  const { body, indent } = line;
  // Most lines begin with a letter; deciding on the first character saves them every pattern.
  if (indent >= 4 || !INTERRUPTING_FIRST.test(body)) return false;
  return (
    FENCE.test(body) ||
    MATH_FENCE.test(body) ||
    ATX.test(body) ||
    body.startsWith(">") ||
    (INTERRUPTING_LIST_MARKER.test(body) && !THEMATIC_BREAK.test(body)) ||
    RAW_HTML.some(({ open }) => open.test(body))
  );
}

function atxHeading(line: Line): { level: number; title: string } | undefined {
  if (line.indent >= 4) return undefined;
  const marks = ATX.exec(line.body)?.[0];
  return marks ? { level: marks.length, title: headingTitle(line.body.slice(marks.length)) } : undefined;
}

function setextTitle(text: string, line: Line): { level: number; title: string } | undefined {
  if (line.body.length > CHUNK_HEADING_CHARS_MAX || THEMATIC_BREAK.test(line.body)) return undefined;
  const underline = lineAt(text, line.end);
  if (underline.indent >= 4 || !SETEXT_UNDERLINE.test(underline.body)) return undefined;
  return { level: underline.body.startsWith("=") ? 1 : 2, title: headingTitle(line.body) };
}

/** A heading without marks of footnotes (`[^1]`); in code the same characters are text. */
export function withoutFootnotes(heading: string): string {
  return heading.replace(/(`[^`]*`)|\[\^[^\]\s]+\](?!\()/g, "$1");
}

/** Of a heading: an escaped sign, signs of code and emphasis, and tags without a meaning of their own. */
const INLINE_MARKS =
  /\\([!-/:-@[-`{-~])|[`*]+|<\/?(?:a|b|br|code|em|i|img|kbd|mark|s|small|span|strong|sub|sup|u|wbr)(?:\s[^<>]*)?\/?>/gi;
const REFERENCES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'", nbsp: " " };

/** What all that is taken out of a heading holds: most have none of it, and a text may be nothing but headings. */
const MARKED = /[#{[\\`*<&]/;

/** A heading as people read it: no closing marks, emphasis, code ticks, link targets, tags, marks of footnotes or explicit ids. */
function headingTitle(raw: string): string {
  const title = cutSafely(raw.trim(), CHUNK_HEADING_CHARS_MAX);
  if (!MARKED.test(title)) return title.trim();
  return withoutFootnotes(title)
    .replace(/(?:^|[ \t])#+$/, "")
    .replace(/[ \t]*\{#[^}]*\}$/, "")
    .replace(/!?\[([^\][]*)\]\([^()]*\)/g, "$1")
    .replace(INLINE_MARKS, (_, escaped: string | undefined) => escaped ?? "")
    .replace(/&(lt|gt|amp|quot|apos|nbsp);/g, (_, name: string) => REFERENCES[name] as string)
    .trim();
}
