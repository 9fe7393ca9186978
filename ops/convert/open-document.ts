/** OpenDocument's texts, spreadsheets and presentations (.odt, .ods, .odp). Format: OpenDocument 1.3, part 3. */
import type { ElementContent, Element as HtmlElement } from "hast";
import type { Element, Nodes } from "xast";
import { CONVERT_CELLS_MAX } from "../limits.ts";
import { openArchive } from "./archive.ts";
import { markdownOfTree, slideTitle } from "./markdown.ts";
import { type Parser, Refused } from "./parser.ts";
import { allOf, childrenOf, firstOf, parseXml } from "./xml.ts";

const CONTENT = "content.xml";
const HEADING_LEVEL_MAX = 6;
/** Of what is typeset around a text or says how it came about. */
const LEFT_OUT = new Set([
  "text:tracked-changes",
  "text:sequence-decls",
  "text:note-citation",
  "text:table-of-content",
  "office:annotation",
  "office:forms",
  "presentation:notes",
  "draw:image",
]);

export const parseOpenDocument: Parser = (bytes) => {
  const body = firstOf(parseXml(openArchive(bytes).read(CONTENT), CONTENT), "office:body");
  const reader = new Reader();
  return markdownOfTree({ type: "root", children: body === undefined ? [] : reader.all(body) });
};

class Reader {
  #cells = 0;
  #slides = 0;

  all(node: Nodes): ElementContent[] {
    const children = "children" in node ? (node.children as Nodes[]) : [];
    return children.flatMap((child) => this.#content(child));
  }

  #content(node: Nodes): ElementContent[] {
    if (node.type === "text" || node.type === "cdata") return [{ type: "text", value: node.value }];
    if (node.type !== "element" || LEFT_OUT.has(node.name)) return [];
    switch (node.name) {
      case "text:h": {
        const level = Math.min(Number(node.attributes["text:outline-level"] ?? 1) || 1, HEADING_LEVEL_MAX);
        return [element(`h${level}`, this.all(node))];
      }
      case "text:p":
        return [element(node.attributes["text:style-name"] === "Title" ? "h1" : "p", this.all(node))];
      case "text:list":
        return [element("ul", this.all(node))];
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

/** A footnote's paragraphs stand inside of the one that they belong to. */
function inline(content: ElementContent[]): ElementContent[] {
  return content.flatMap((child) => (child.type === "element" && child.tagName === "p" ? child.children : [child]));
}

function plain(node: Nodes): string {
  if (node.type === "text") return node.value;
  return "children" in node ? (node.children as Nodes[]).map(plain).join("") : "";
}
