/** The title of a Markdown file: from its front matter, else from its headings as a Markdown parser sees them. Pure. */
import type { Html, Root } from "mdast";
import { toString as textOf } from "mdast-util-to-string";
import { parse as parseToml } from "smol-toml";
import { isMap, isScalar, parseDocument, Scalar } from "yaml";
import { scanMarkdown } from "../../worker/rag/text/markdown-blocks.ts";
import { normaliseText } from "../../worker/rag/text/normalise.ts";
import { parseMarkdown } from "../runbook/markdown.ts";

/** Fences and what is between. As in Pandoc, front matter does not begin with a blank line: that is a thematic break. */
const YAML_FENCES = /^---[ \t]*\n(?![ \t]*\n)((?:[^\n]*\n)*?)(?:---|\.\.\.)[ \t]*(?:\n|$)/;
const TOML_FENCES = /^\+\+\+[ \t]*\n((?:[^\n]*\n)*?)\+\+\+[ \t]*(?:\n|$)/;
/** YAML's plain spellings of nothing: https://yaml.org/spec/1.2.2/#1032-tag-resolution */
const YAML_NULL = /^(?:~|null|Null|NULL|)$/;
const MATH_FENCE = /^ {0,3}\$\$/;
/** Most files open with their title, and a parser reads less than 1 MB/s. */
const OPENING_CHARS = 4096;

interface Heading {
  level: number;
  title: string;
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
    const first = headingsOf(opening).find(({ level }) => level === 1);
    // What a bracket means may be defined at the end of the document.
    if (first && !first.title.includes("[")) return first.title;
  }
  const headings = headingsOf(text);
  const top_level = Math.min(...headings.map(({ level }) => level));
  return headings.find(({ level }) => level === top_level)?.title;
}

function headingsOf(text: string): Heading[] {
  // After a line feed nothing is front matter any more.
  return topLevelHeadings(parseMarkdown(`\n${withoutMath(text)}`)).filter(({ title }) => title !== "");
}

function topLevelHeadings(root: Root): Heading[] {
  return root.children.flatMap((node) => {
    if (node.type === "heading") return [{ level: node.depth, title: oneLine(textOf(node, { includeHtml: false })) }];
    return node.type === "html" ? htmlHeadings(node) : [];
  });
}

function htmlHeadings({ value }: Html): Heading[] {
  const visible = value.replace(/<!--[\s\S]*?(?:-->|$)/g, "").replace(/<(script|style)\b[\s\S]*?(?:<\/\1>|$)/gi, "");
  return [...visible.matchAll(/<h([1-6])(?:\s[^>]*)?>([\s\S]*?)<\/h\1\s*>/gi)].map(([, level, content = ""]) => ({
    level: Number(level),
    title: htmlText(content),
  }));
}

/** Without tags, an image by its description; the Markdown parser knows the names of characters (`&amp;`). */
function htmlText(content: string): string {
  const text = content.replace(/<img\b[^>]*?\balt="([^"]*)"[^>]*>/gi, "$1").replace(/<[^>]*>/g, "");
  return oneLine(textOf(parseMarkdown(`# ${oneLine(text).replace(/[\\`*_[\]~#!<>]/g, "\\$&")}`)));
}

/** `# of items` between `$$` is no heading, but CommonMark knows no formulas. */
function withoutMath(text: string): string {
  if (!text.includes("$$")) return text;
  const kept = scanMarkdown(text).map(({ kind, start, end }) => {
    const block = text.slice(start, end);
    return kind === "code" && MATH_FENCE.test(block) ? "\n" : block;
  });
  return kept.join("");
}

function oneLine(text: string): string {
  return normaliseText(text).replace(/\s+/g, " ").trim();
}
