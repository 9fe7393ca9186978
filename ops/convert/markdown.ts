/** Trees to Markdown: HTML's (hast) by way of Markdown's own (mdast). */
import type { Element, Root as HtmlRoot, Nodes } from "hast";
import { fromHtml } from "hast-util-from-html";
import { toMdast } from "hast-util-to-mdast";
import type { Heading, Nodes as MarkdownNodes, Paragraph, Root, RootContent, Table } from "mdast";
import { gfmTableToMarkdown } from "mdast-util-gfm-table";
import { type Options, toMarkdown } from "mdast-util-to-markdown";

/** Cells are not padded: a column of a thousand rows would be as wide as its longest cell, in tokens, too. */
const STYLE: Options = {
  bullet: "-",
  extensions: [gfmTableToMarkdown({ tablePipeAlign: false })],
};

/** Not the page's own words, or none that a reader sees. */
const LEFT_OUT = new Set([
  "nav",
  "script",
  "style",
  "template",
  "svg",
  "iframe",
  "object",
  "img",
  "picture",
  "video",
  "audio",
]);

export function markdownOf(children: RootContent[]): string {
  const root: Root = { type: "root", children };
  return toMarkdown(root, STYLE);
}

/** A whole page, or a part of one. */
export function markdownOfHtml(html: string): string {
  return markdownOfTree(fromHtml(html));
}

export function markdownOfTree(tree: HtmlRoot): string {
  prepare(tree);
  return toMarkdown(toMdast(tree) as MarkdownNodes, STYLE);
}

/** Takes out what is no text, and gives tables a head. Without recursion: a page may be nested deeper than the stack. */
function prepare(root: HtmlRoot): void {
  const waiting: Nodes[] = [root];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (!("children" in node)) continue;
    node.children = (node.children as Element[]).filter(
      (child) => (child.type as string) !== "comment" && !LEFT_OUT.has(child.tagName),
    );
    if (node.type === "element" && node.tagName === "table") giveHead(node);
    waiting.push(...(node.children as Nodes[]));
  }
}

/** Word's tables, and many pages', do not say which row is the head: Markdown's have one, and mostly it is the first. */
function giveHead(table: Element): void {
  const rows = elementsOf(table).flatMap((part) => (part.tagName === "tr" ? [part] : elementsOf(part)));
  const cells = rows.map(elementsOf);
  if (cells.flat().some(({ tagName }) => tagName === "th")) return;
  for (const cell of cells[0] ?? []) cell.tagName = "th";
}

function elementsOf({ children }: Element): Element[] {
  return children.filter((child) => child.type === "element");
}

/** Rows of text as a table, the first being its head. Lines inside a cell become spaces, as a row is one line. */
export function tableOf(rows: readonly (readonly string[])[]): Table {
  return {
    type: "table",
    children: rows.map((row) => ({
      type: "tableRow",
      children: row.map((cell) => ({
        type: "tableCell",
        children: [{ type: "text", value: cell.replace(/\s+/g, " ").trim() }],
      })),
    })),
  };
}

/** A sheet of a workbook: its name above its rows, empty ones left out. Nothing of a sheet that has none. */
export function sheetOf(name: string, rows: readonly (readonly string[])[]): RootContent[] {
  const filled = rows.filter((row) => row.some((cell) => cell.trim() !== ""));
  return filled.length === 0 ? [] : [headingOf(2, name), tableOf(filled)];
}

/** As `Slide 3: Results`. */
export function slideTitle(number: number, title = ""): string {
  const words = title.replace(/\s+/g, " ").trim();
  return words === "" ? `Slide ${number}` : `Slide ${number}: ${words}`;
}

export function headingOf(level: Heading["depth"], text: string): Heading {
  return { type: "heading", depth: level, children: [{ type: "text", value: text.replace(/\s+/g, " ").trim() }] };
}

export function paragraphOf(text: string): Paragraph {
  return { type: "paragraph", children: [{ type: "text", value: text }] };
}
