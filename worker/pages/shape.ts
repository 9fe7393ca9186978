/** A drawing as data: the server writes it into a page, a page's script makes elements of it. No text is ever parsed as markup. */

export interface Shape {
  tag: "svg" | "g" | "rect" | "path" | "line" | "circle" | "text" | "title";
  attributes: Record<string, string | number>;
  children: (Shape | string)[];
}

export function shape(tag: Shape["tag"], attributes: Shape["attributes"], children: Shape["children"] = []): Shape {
  return { tag, attributes, children };
}

/** The drawing as SVG in HTML. */
export function shapeText({ tag, attributes, children }: Shape): string {
  const written = Object.entries(attributes).map(([name, value]) => ` ${name}="${escaped(String(value))}"`);
  const inner = children.map((child) => (typeof child === "string" ? escaped(child) : shapeText(child)));
  return `<${tag}${written.join("")}>${inner.join("")}</${tag}>`;
}

/** What XML cannot hold in any spelling: one such character, and no reader takes the feed. https://www.w3.org/TR/xml/#charsets */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
const UNWRITABLE = /[\0-\x08\x0B\x0C\x0E-\x1F\uFFFE\uFFFF]/g;

/** Text as content or attribute of XML and HTML. */
export function escaped(text: string): string {
  return text
    .replace(UNWRITABLE, "\uFFFD")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** At most two decimals: a chart is some hundred pixels wide. */
export function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
