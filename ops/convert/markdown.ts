/** Trees to Markdown: HTML's (hast) by way of Markdown's own (mdast). */
import type { Element, Root as HtmlRoot, Nodes, Text } from "hast";
import { fromHtml } from "hast-util-from-html";
import { toMdast } from "hast-util-to-mdast";
import type {
  Delete,
  Heading,
  Nodes as MarkdownNodes,
  Paragraph,
  PhrasingContent,
  Root,
  RootContent,
  Strong,
  Table,
} from "mdast";
import { gfmTableToMarkdown } from "mdast-util-gfm-table";
import { type Info, type Options, type State, toMarkdown } from "mdast-util-to-markdown";
import { toString as textOf } from "mdast-util-to-string";

/** Cells are not padded: a column of a thousand rows would be as wide as its longest cell, in tokens, too. */
const STYLE: Options = {
  bullet: "-",
  extensions: [gfmTableToMarkdown({ tablePipeAlign: false })],
  handlers: { delete: struckThrough },
};

/** What was struck through stays, as such: without this, a file that strikes a word through cannot be written at all. */
function struckThrough(node: Delete, _: unknown, state: State, info: Info): string {
  return `~~${state.containerPhrasing(node, { ...info, before: "~", after: "~" })}~~`;
}

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

/** What documentation generators call navigation, where they do not say so by the element: rows of "Previous" and "Next" on every page. */
const NAVIGATION: ReadonlySet<string> = new Set(
  "navigation navheader navfooter navbar breadcrumb breadcrumbs".split(" "),
);
/** What they call a box that stands beside the text. Its title is no section: what follows the box is not under it. */
const BOXES: ReadonlySet<string> = new Set("admonition caution danger hint important note tip warning".split(" "));
export const HEADING = /^h[1-6]$/;
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
  tidy(root);
  return toMarkdown(root, STYLE);
}

/**
 * Takes out what is no text and leads nowhere, gives tables a head and keeps apart what stands in one cell. Without recursion: a
 * page may be nested deeper than the stack.
 */
function prepare(root: HtmlRoot): void {
  const waiting: { node: Nodes; in_cell: boolean; in_box: boolean }[] = [{ node: root, in_cell: false, in_box: false }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node } = next;
    if (node.type === "text") node.value = node.value.replaceAll("\u00A0", " ");
    if (!("children" in node)) continue;
    node.children = (node.children as Element[]).filter(
      (child) => (child.type as string) !== "comment" && !LEFT_OUT.has(child.tagName) && !isNavigation(child),
    );
    node.children = (node.children as Element[]).flatMap((child) => [...captionsOf(child), child]);
    const name = node.type === "element" ? node.tagName : "";
    if (node.type === "element" && name === "table") giveHead(node);
    // Old pages say nothing that ends a paragraph before a table, which cannot stand in one.
    if (name === "p" && elementsOf(node as Element).some(({ tagName }) => tagName === "table"))
      (node as Element).tagName = "div";
    if (node.type === "element" && name === "a") prepareLink(node);
    const in_box = next.in_box || (node.type === "element" && classesOf(node).some((word) => BOXES.has(word)));
    if (in_box && node.type === "element" && HEADING.test(name)) makeBold(node);
    const in_cell = next.in_cell || name === "td" || name === "th";
    if (in_cell)
      node.children = (node.children as Element[]).flatMap((child) =>
        BLOCKS.has(child.tagName) ? [SPACE, { ...child, tagName: "span" }, SPACE] : [child],
      );
    for (const child of node.children as Nodes[]) waiting.push({ node: child, in_cell, in_box });
  }
}

function classesOf({ properties }: Element): readonly string[] {
  return Array.isArray(properties.className) ? properties.className.map(String) : [];
}

/** Not of the body: its class may tell that the page has a navigation. */
function isNavigation(element: Element): boolean {
  if (element.type !== "element" || element.tagName === "body" || element.tagName === "main") return false;
  return element.properties.role === "navigation" || classesOf(element).some((word) => NAVIGATION.has(word));
}

function makeBold(heading: Element): void {
  heading.tagName = "p";
  heading.children = [{ type: "element", tagName: "strong", properties: {}, children: heading.children }];
}

const SPACE: Text = { type: "text", value: " " };

/**
 * Of a link that leads nowhere only its words are left, none of a sign that links a heading to itself ("¶"); the number of a note
 * stands apart from the word that it follows. The title that a reader sees when he points at a link repeats what it leads to.
 */
function prepareLink(link: Element): void {
  delete link.properties.title;
  if (!NOWHERE.test(String(link.properties.href ?? ""))) return;
  link.tagName = "span";
  let [inner] = link.children;
  while (inner?.type === "element") [inner] = inner.children;
  if (inner?.type !== "text") return;
  if (/^\d{1,4}$/.test(inner.value.trim())) inner.value = ` [${inner.value.trim()}] `;
  else if (link.children.length === 1 && !/[\p{L}\p{N}]/u.test(inner.value)) inner.value = "";
}

/** Takes out the empty rows of tables, whose heads stay, and moves spaces out of what is emphasised. */
function tidy(node: MarkdownNodes): void {
  if (!("children" in node)) return;
  for (const child of node.children) tidy(child);
  if (node.type === "table")
    node.children = node.children.filter((row, index) => index === 0 || textOf(row).trim() !== "");
  const spaced = (node.children as MarkdownNodes[]).flatMap((child) =>
    EMPHASIS.has(child.type) ? withoutEdges(child as Strong) : [child],
  );
  node.children = spaced.flatMap((child, place) =>
    EMPHASIS.has(child.type) && !isFree(textOf(child), spaced[place - 1], spaced[place + 1])
      ? (child as Strong).children
      : [child],
  ) as typeof node.children;
}

/**
 * Whether text can be emphasised between these: marks between a letter and a punctuation ("Note:" before "text"), or behind other marks, would
 * be none, and the letter would be written as `&#x74;`.
 */
function isFree(text: string, before: MarkdownNodes | undefined, behind: MarkdownNodes | undefined): boolean {
  if (before !== undefined && EMPHASIS.has(before.type)) return false;
  const begins = before === undefined || /^[\p{L}\p{N}]/u.test(text) || !/[\p{L}\p{N}]$/u.test(textOf(before));
  return begins && (behind === undefined || /[\p{L}\p{N}]$/u.test(text) || !/^[\p{L}\p{N}]/u.test(textOf(behind)));
}

const EMPHASIS: ReadonlySet<string> = new Set<MarkdownNodes["type"]>(["strong", "emphasis", "delete"]);

/** Markdown has no emphasis that begins or ends with a space: such a space would be written as `&#x20;`. Nor has it an empty one. */
function withoutEdges(emphasis: Strong): PhrasingContent[] {
  const [first] = emphasis.children;
  const last = emphasis.children.at(-1);
  if (first === undefined || last === undefined) return [];
  const around = { before: "", behind: "" };
  if (first.type === "text") {
    around.before = /^\s*/.exec(first.value)?.[0] ?? "";
    first.value = first.value.trimStart();
  }
  if (last.type === "text") {
    around.behind = /\s*$/.exec(last.value)?.[0] ?? "";
    last.value = last.value.trimEnd();
  }
  const spaceOf = (value: string): PhrasingContent[] => (value === "" ? [] : [{ type: "text", value }]);
  const isEmpty = first === last && first.type === "text" && first.value === "";
  return [...spaceOf(around.before), ...(isEmpty ? [] : [emphasis]), ...spaceOf(around.behind)];
}

/** Word's tables, and many pages', do not say which row is the head: Markdown's have one, and mostly it is the first. */
function giveHead(table: Element): void {
  const rows = elementsOf(table).flatMap((part) => (part.tagName === "tr" ? [part] : elementsOf(part)));
  const cells = rows.map(elementsOf);
  if (cells.flat().some(({ tagName }) => tagName === "th")) return;
  for (const cell of cells[0] ?? []) cell.tagName = "th";
}

/** What stands above a table: Markdown's have no captions. */
function captionsOf(table: Element): Element[] {
  if (table.tagName !== "table") return [];
  return elementsOf(table).flatMap((part) => (part.tagName === "caption" ? [{ ...part, tagName: "p" }] : []));
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
