/** The title of a Markdown file: from its front matter, else from its headings as a Markdown parser sees them. Pure. */
import type { Html, Root } from "mdast";
import { toString as textOf } from "mdast-util-to-string";
import { parse as parseToml } from "smol-toml";
import { isMap, isScalar, parseDocument, Scalar } from "yaml";
import { scanMarkdown, withoutFootnotes } from "../../worker/rag/text/markdown-blocks.ts";
import { normaliseText } from "../../worker/rag/text/normalise.ts";
import { parseMarkdown } from "../runbook/markdown.ts";

/** Fences and what is between. As in Pandoc, front matter does not begin with a blank line: that is a thematic break. */
const YAML_FENCES = /^---[ \t]*\n(?![ \t]*\n)((?:[^\n]*\n)*?)(?:---|\.\.\.)[ \t]*(?:\n|$)/;
const TOML_FENCES = /^\+\+\+[ \t]*\n((?:[^\n]*\n)*?)\+\+\+[ \t]*(?:\n|$)/;
/** YAML's plain spellings of nothing: https://yaml.org/spec/1.2.2/#1032-tag-resolution */
const YAML_NULL = /^(?:~|null|Null|NULL|)$/;
const LEVELS = 6;
/** Longer ones are no titles. */
const HTML_HEADING_CHARS_MAX = 2_000;
const BLOCK_CHARS_MAX = 4096;
/** Of a heading, for what makes a page of it and not for its reader: `{#id .class}` at its end. */
const ATTRIBUTES = /\s*\{[#.][^{}]*\}$/;
/** What a link's name means: https://spec.commonmark.org/0.31.2/#link-reference-definitions */
const DEFINITION = /^ {0,3}\[[^\]]+\]:/;
/** Most files open with their title, and a parser reads less than 1 MB/s. */
const OPENING_CHARS = 4096;

interface Heading {
  level: number;
  /** On one line; read of those alone that may be the title. */
  title(): string;
}

/**
 * The front matter's `title` (YAML or TOML, on one line), or the first heading of the highest level. Front matter that
 * is not valid gives no title.
 */
export function markdownTitle(text: string): string | undefined {
  const matter = readYaml(text) ?? readToml(text);
  if (matter?.title) return matter.title;
  return headingTitle(text.slice(matter?.end ?? 0));
}

interface FrontMatter {
  end: number;
  title: string | undefined;
}

function readYaml(text: string): FrontMatter | undefined {
  const [all, source = ""] = YAML_FENCES.exec(text) ?? [];
  if (all === undefined) return undefined;
  // Without YAML's numbers and dates: the title 1.10 is not 1.1.
  const yaml = parseDocument(source, { schema: "failsafe", merge: true, uniqueKeys: false, logLevel: "silent" });
  if (yaml.contents !== null && !isMap(yaml.contents)) return undefined;
  return { end: all.length, title: yaml.errors.length > 0 ? undefined : titleOf(() => readTitle(yaml)) };
}

function readTitle(yaml: ReturnType<typeof parseDocument>): unknown {
  const node = yaml.get("title", true);
  if (isScalar(node) && node.type === Scalar.PLAIN && YAML_NULL.test(String(node.value))) return undefined;
  return (yaml.toJS() as { title?: unknown } | null)?.title;
}

function readToml(text: string): FrontMatter | undefined {
  const [all, source = ""] = TOML_FENCES.exec(text) ?? [];
  return all === undefined ? undefined : { end: all.length, title: titleOf(() => parseToml(source).title) };
}

/** On one line; undefined for what is no text, and for what the parser refuses (an alias of nothing, an alias bomb). */
function titleOf(read: () => unknown): string | undefined {
  try {
    const title = read();
    return typeof title === "string" ? oneLine(title) : undefined;
  } catch {
    return undefined;
  }
}

function headingTitle(text: string): string | undefined {
  if (text.length > OPENING_CHARS) {
    const opening = text.slice(0, text.lastIndexOf("\n", OPENING_CHARS) + 1);
    const first = titleOfLevel(headingsOf(opening), 1);
    // What a bracket means may be defined at the end of the document.
    if (first !== undefined && !first.includes("[")) return first;
  }
  const headings = headingsOf(text);
  for (let level = 1; level <= LEVELS; level += 1) {
    const title = titleOfLevel(headings, level);
    if (title !== undefined) return title;
  }
  return undefined;
}

/** The first that says something. */
function titleOfLevel(headings: readonly Heading[], level: number): string | undefined {
  for (const heading of headings) {
    const title = heading.level === level ? heading.title() : "";
    if (title !== "") return title;
  }
  return undefined;
}

function headingsOf(text: string): Heading[] {
  // After a line feed nothing is front matter any more.
  return topLevelHeadings(parseMarkdown(`\n${topLevelText(text)}`));
}

function topLevelHeadings(root: Root): Heading[] {
  return root.children.flatMap((node) => {
    if (node.type === "heading")
      return [
        { level: node.depth, title: () => oneLine(textOf(node, { includeHtml: false })).replace(ATTRIBUTES, "") },
      ];
    return node.type === "html" ? htmlHeadings(node) : [];
  });
}

/** Each tag is read once: a file of tags that are never closed must not cost the square of its length. */
function htmlHeadings({ value }: Html): Heading[] {
  const visible = value.replace(/<!--[\s\S]*?(?:-->|$)/g, "").replace(/<(script|style)\b[\s\S]*?(?:<\/\1>|$)/gi, "");
  const headings: Heading[] = [];
  let open: { level: number; end: number } | undefined;
  for (const { 0: tag, 1: slash, 2: digit, index } of visible.matchAll(/<(\/?)h([1-6])(?=[\s>])[^<>]*>/gi)) {
    const level = Number(digit);
    if (slash === "") open = { level, end: index + tag.length };
    else if (open?.level === level) {
      const content = visible.slice(open.end, Math.min(index, open.end + HTML_HEADING_CHARS_MAX));
      headings.push({ level, title: () => htmlText(content) });
      open = undefined;
    }
  }
  return headings;
}

/** Without tags, an image by its description; the Markdown parser knows the names of characters (`&amp;`). */
function htmlText(content: string): string {
  const text = content.replace(/<img\b[^>]*?\balt="([^"]*)"[^>]*>/gi, "$1").replace(/<[^>]*>/g, "");
  if (text.trim() === "") return "";
  return oneLine(textOf(parseMarkdown(`# ${oneLine(text).replace(/[\\`*_[\]~#!<>]/g, "\\$&")}`)));
}

/**
 * What headings of the document itself can stand in, and what their links mean: not quotes, lists, tables and code, and no more of a
 * block than a title takes, since the parser reads what is nested or emphasised in the square of its length. Not `# of items` between
 * `$$` either: CommonMark knows no formulas.
 */
function topLevelText(text: string): string {
  const kept = scanMarkdown(text).map(({ kind, start, end }) => {
    const block = text.slice(start, end);
    const isHtml = /^\s*</.test(block);
    if (kind === "heading") return withoutFootnotes(shortened(block));
    if (isHtml) return shortened(block);
    if (kind !== "paragraph") return "\n";
    if (block.length <= BLOCK_CHARS_MAX) return block;
    const definitions = block.split("\n").filter((line) => DEFINITION.test(line) && line.length <= BLOCK_CHARS_MAX);
    return `${definitions.join("\n\n")}\n\n`;
  });
  return kept.join("");
}

function shortened(block: string): string {
  return block.length <= BLOCK_CHARS_MAX ? block : `${block.slice(0, BLOCK_CHARS_MAX)}\n\n`;
}

/** Empty for what shows nothing. */
function oneLine(text: string): string {
  const line = normaliseText(text).replace(/\s+/g, " ").trim();
  return /[^\p{DI}\s]/u.test(line) ? line : "";
}
