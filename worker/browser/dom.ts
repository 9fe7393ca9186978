/** Elements from data. No text is ever parsed as markup: what documents, models and operators wrote stays text. */
import type { Shape } from "../pages/shape.ts";

type Child = Node | string;

/** An HTML element. */
export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A drawing as SVG. */
export function drawing({ tag, attributes, children }: Shape): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children.map((child) => (typeof child === "string" ? child : drawing(child))));
  return element;
}

/** What the page's own HTML has under an id. */
export function part<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page lacks #${id}`);
}

/** The key in a field, without what comes along when it is copied: blanks, line breaks and characters that nobody sees, which no header takes. */
export function keyIn({ value }: HTMLInputElement): string {
  return value.replace(/[^\x21-\x7E]/g, "");
}
