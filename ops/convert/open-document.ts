/** OpenDocument's texts, spreadsheets and presentations (.odt, .ods, .odp). Format: OpenDocument 1.3, part 3. */
import type { ElementContent, Element as HtmlElement } from "hast";
import type { Element, Nodes } from "xast";
import { CONVERT_CELLS_MAX } from "../limits.ts";
import { openArchive } from "./archive.ts";
import { markdownOfTree, slideTitle } from "./markdown.ts";
import { type Parser, Refused } from "./parser.ts";
import { allOf, childrenOf, firstOf, parseXml } from "./xml.ts";

const CONTENT = "content.xml";
const STYLES = "styles.xml";
const HEADING_LEVEL_MAX = 6;
/** Of what is typeset around a text or says how it came about. */
const LEFT_OUT = new Set([
  "text:tracked-changes",
  "text:sequence-decls",
  "text:note-citation",
  "text:table-of-content",
  "office:annotation",
  "office:forms",
  "text:ruby-text",
  "draw:image",
]);
/** Frames that repeat themselves on every slide, and on its notes. */
const FURNITURE = new Set(["header", "footer", "date-time", "page-number"]);
const CONTAINER = "draw:text-box";

export const parseOpenDocument: Parser = (bytes) => {
  const { names, read } = openArchive(bytes);
  const content = parseXml(read(CONTENT), CONTENT);
  const body = firstOf(content, "office:body");
  const styles = names.has(STYLES) ? [parseXml(read(STYLES), STYLES), content] : [content];
  const reader = new Reader(styles);
  return markdownOfTree({ type: "root", children: body === undefined ? [] : reader.all(body) });
};

class Reader {
  #cells = 0;
  #slides = 0;
  /** By the name of a list's style: the levels that are numbered. */
  readonly #numbered: ReadonlyMap<string | undefined, ReadonlySet<string | undefined>>;
  /** By the name of a paragraph's style that was made as it was written: the one that it varies. */
  readonly #varied: ReadonlyMap<string | undefined, string | undefined>;
  /** Of the lists that are being read, outermost first. */
  readonly #lists: { style: string | undefined }[] = [];

  constructor(styles: readonly Nodes[]) {
    const lists = styles.flatMap((part) => allOf(part, "text:list-style"));
    this.#numbered = new Map(
      lists.map((style) => [
        style.attributes["style:name"] ?? undefined,
        new Set(
          childrenOf(style, "text:list-level-style-number")
            .filter(({ attributes }) => attributes["style:num-format"])
            .map(({ attributes }) => attributes["text:level"] ?? undefined),
        ),
      ]),
    );
    const made = styles.flatMap((part) => allOf(part, "office:automatic-styles")).flatMap((part) => childrenOf(part));
    this.#varied = new Map(
      made.map(({ attributes }) => [
        attributes["style:name"] ?? undefined,
        attributes["style:parent-style-name"] ?? undefined,
      ]),
    );
  }

  all(node: Nodes): ElementContent[] {
    const children = "children" in node ? (node.children as Nodes[]) : [];
    const content = children.flatMap((child) => this.#content(child));
    return node.type === "element" && node.name === CONTAINER ? joinLists(content) : content;
  }

  #content(node: Nodes): ElementContent[] {
    if (node.type === "text" || node.type === "cdata") return [{ type: "text", value: node.value }];
    if (node.type !== "element" || LEFT_OUT.has(node.name)) return [];
    if (FURNITURE.has(node.attributes["presentation:class"] ?? "")) return [];
    switch (node.name) {
      case "text:h": {
        const level = Math.min(Number(node.attributes["text:outline-level"] ?? 1) || 1, HEADING_LEVEL_MAX);
        return [element(`h${level}`, this.all(node))];
      }
      case "text:p":
        return [element(this.#paragraph(node.attributes["text:style-name"] ?? undefined), this.all(node))];
      case "text:list":
        return [this.#list(node)];
      case "text:list-item":
      case "text:list-header":
        return [element("li", alone(this.all(node)))];
      case "text:a":
        return [{ ...element("a", this.all(node)), properties: { href: node.attributes["xlink:href"] ?? "" } }];
      case "text:line-break":
        return [element("br", [])];
      case "text:s":
      case "text:tab":
        return [{ type: "text", value: " " }];
      case "text:note":
        return [{ type: "text", value: " (" }, ...inline(this.all(node)), { type: "text", value: ")" }];
      case "table:table":
        return this.#table(node);
      case "draw:page":
        return this.#slide(node);
      default:
        return this.all(node);
    }
  }

  /** Word processors know a heading that came from elsewhere by its style alone. */
  #paragraph(style: string | undefined): string {
    const name = this.#varied.get(style) ?? style ?? "";
    const level = /^Heading_20_([1-6])$/.exec(name)?.[1];
    return level === undefined ? (name === "Title" ? "h1" : "p") : `h${level}`;
  }

  #list(list: Element): HtmlElement {
    const style = list.attributes["text:style-name"] ?? this.#lists.at(-1)?.style;
    this.#lists.push({ style });
    const isNumbered = this.#numbered.get(style)?.has(String(this.#lists.length));
    const items = foldItems(this.all(list));
    this.#lists.pop();
    return element(isNumbered ? "ol" : "ul", items);
  }

  #slide(page: Element): ElementContent[] {
    this.#slides += 1;
    const frames = childrenOf(page);
    const title = frames.find(({ attributes }) => attributes["presentation:class"] === "title");
    const words = title && allOf(title, "text:p").map(plain).join(" ");
    const rest = frames.filter((frame) => frame !== title).flatMap((frame) => this.#content(frame));
    return [element("h2", [{ type: "text", value: slideTitle(this.#slides, words) }]), ...rest];
  }

  /** A spreadsheet's sheet, or a table of a text. What is said to be repeated is not: it is empty, or padding. */
  #table(table: Element): ElementContent[] {
    const rows = rowsOf(table).map((row) => {
      const cells = childrenOf(row)
        .filter(({ name }) => name === "table:table-cell" || name === "table:covered-table-cell")
        .flatMap((cell) => this.#cell(cell));
      while (cells.length > 0 && cells.at(-1)?.children.length === 0) cells.pop();
      return element("tr", cells);
    });
    const filled = rows.filter(({ children }) => children.length > 0);
    if (filled.length === 0) return [];
    const name = table.attributes["table:name"];
    const isSheet =
      table.attributes["table:print"] !== undefined || table.attributes["table:style-name"]?.startsWith("ta");
    const heading = isSheet && name ? [element("h2", [{ type: "text", value: name }])] : [];
    return [...heading, element("table", filled)];
  }

  /** A cell that stands for several empty ones keeps those behind it in their columns. */
  #cell(cell: Element): HtmlElement[] {
    const content = this.all(cell);
    const repeated = Math.min(Number(cell.attributes["table:number-columns-repeated"] ?? 1) || 1, REPEATED_MAX);
    this.#cells += repeated;
    if (this.#cells > CONVERT_CELLS_MAX) throw new Refused(`has more than ${CONVERT_CELLS_MAX} cells; split it`);
    return Array.from({ length: repeated }, () => element("td", structuredClone(content)));
  }
}

/** Columns that a sheet may leave empty between two that it uses; more is the end of its row. */
const REPEATED_MAX = 64;

function rowsOf(table: Element): Element[] {
  return childrenOf(table).flatMap((child) => {
    if (child.name === "table:table-row") return [child];
    return /^table:table-(?:header-rows|rows|row-group)$/.test(child.name) ? rowsOf(child) : [];
  });
}

function element(tagName: string, children: ElementContent[]): HtmlElement {
  return { type: "element", tagName, properties: {}, children };
}

/** An item of one paragraph, and perhaps a list below it, is one line. */
function alone(content: ElementContent[]): ElementContent[] {
  const paragraphs = content.filter((child) => child.type === "element" && child.tagName === "p");
  return paragraphs.length === 1 ? inline(content) : content;
}

/** An item that is nothing but lists is what the item before it goes on with. */
function foldItems(items: ElementContent[]): ElementContent[] {
  const folded: ElementContent[] = [];
  for (const item of items) {
    const last = folded.at(-1);
    const isFolded = item.type === "element" && item.children.length > 0 && item.children.every(isList);
    if (isFolded && last?.type === "element") last.children.push(...item.children);
    else folded.push(item);
  }
  return folded;
}

/** Slides begin a new list where the level changes. */
function joinLists(content: ElementContent[]): ElementContent[] {
  const joined: ElementContent[] = [];
  for (const block of content) {
    const last = joined.at(-1);
    if (last?.type === "element" && block.type === "element" && isList(block) && last.tagName === block.tagName)
      last.children = foldItems([...last.children, ...block.children]);
    else joined.push(block);
  }
  return joined;
}

function isList(node: ElementContent): boolean {
  return node.type === "element" && (node.tagName === "ul" || node.tagName === "ol");
}

/** A footnote's paragraphs stand inside of the one that they belong to. */
function inline(content: ElementContent[]): ElementContent[] {
  return content.flatMap((child) => (child.type === "element" && child.tagName === "p" ? child.children : [child]));
}

function plain(node: Nodes): string {
  if (node.type === "text") return node.value;
  return "children" in node ? (node.children as Nodes[]).map(plain).join("") : "";
}
