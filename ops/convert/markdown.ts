/** Trees to Markdown: HTML's (hast) by way of Markdown's own (mdast). */
import type { Element, Root as HtmlRoot, Nodes, Text } from "hast";
import { fromHtml } from "hast-util-from-html";
import { toMdast } from "hast-util-to-mdast";
import type { Heading, Nodes as MarkdownNodes, Paragraph, Root, RootContent, Table } from "mdast";
import { gfmTableToMarkdown } from "mdast-util-gfm-table";
import { type Options, toMarkdown } from "mdast-util-to-markdown";
import { toString as textOf } from "mdast-util-to-string";

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
  // How a word is read, above it.
  "rt",
  "rp",
]);

/** Blocks of a cell stand on one line there: what would separate them is a space. */
const BLOCKS = new Set("p div br hr ul ol li dl dt dd table tr td th pre blockquote h1 h2 h3 h4 h5 h6".split(" "));
/** Where no reader of the text can go. */
const NOWHERE = /^(?:#|javascript:|\s*$)/i;

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
  const root = toMdast(tree) as MarkdownNodes;
  if ("children" in root) for (const child of root.children) dropEmptyRows(child);
  return toMarkdown(root, STYLE);
}

/**
 * Takes out what is no text and leads nowhere, gives tables a head and keeps apart what stands in one cell. Without recursion: a
 * page may be nested deeper than the stack.
 */
function prepare(root: HtmlRoot): void {
  const waiting: { node: Nodes; in_cell: boolean }[] = [{ node: root, in_cell: false }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node } = next;
    if (node.type === "text") node.value = node.value.replaceAll("\u00A0", " ");
    if (!("children" in node)) continue;
    node.children = (node.children as Element[]).filter(
      (child) => (child.type as string) !== "comment" && !LEFT_OUT.has(child.tagName),
    );
    const name = node.type === "element" ? node.tagName : "";
    if (node.type === "element" && name === "table") giveHead(node);
    if (node.type === "element" && name === "a") dropDeadLink(node);
    const in_cell = next.in_cell || name === "td" || name === "th";
    if (in_cell)
      node.children = (node.children as Element[]).flatMap((child) =>
        BLOCKS.has(child.tagName) ? [SPACE, { ...child, tagName: "span" }, SPACE] : [child],
      );
    for (const child of node.children as Nodes[]) waiting.push({ node: child, in_cell });
  }
}

const SPACE: Text = { type: "text", value: " " };

/** Only its words are left; the number of a note stands apart from the word that it follows. */
function dropDeadLink(link: Element): void {
  if (!NOWHERE.test(String(link.properties.href ?? ""))) return;
  link.tagName = "span";
  let [inner] = link.children;
  while (inner?.type === "element") [inner] = inner.children;
  if (inner?.type === "text" && /^\d{1,4}$/.test(inner.value.trim())) inner.value = ` [${inner.value.trim()}] `;
}

/** Of a table wherever it stands; its head stays. */
function dropEmptyRows(node: MarkdownNodes): void {
  if (node.type === "table")
    node.children = node.children.filter((row, index) => index === 0 || textOf(row).trim() !== "");
  else if ("children" in node) for (const child of node.children) dropEmptyRows(child);
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

function filledOf(rows: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return rows.filter((row) => row.some((cell) => cell.trim() !== ""));
}

/** Rows of text as a table, the first being its head, empty ones left out. Lines inside a cell become spaces, as a row is one line. */
export function tableOf(rows: readonly (readonly string[])[]): Table {
  return {
    type: "table",
    children: filledOf(rows).map((row) => ({
      type: "tableRow",
      children: row.map((cell) => ({
        type: "tableCell",
        children: [{ type: "text", value: cell.replace(/\s+/g, " ").trim() }],
      })),
    })),
  };
}

/** A sheet of a workbook: its name above its rows. Nothing of a sheet that has none. */
export function sheetOf(name: string, rows: readonly (readonly string[])[]): RootContent[] {
  return filledOf(rows).length === 0 ? [] : [headingOf(2, name), tableOf(rows)];
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
