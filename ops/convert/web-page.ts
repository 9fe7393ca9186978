/** HTML: its headings, lists, tables and links; not its navigation, scripts and pictures. */
import type { Element, Nodes, Root } from "hast";
import { fromHtml } from "hast-util-from-html";
import { toString as textOf } from "mdast-util-to-string";
import { textOfBytes } from "../../worker/rag/ingest/text-encoding.ts";
import { HEADING, markdownOfTree } from "./markdown.ts";
import type { Parser } from "./parser.ts";

export const parseHtml: Parser = (bytes) => {
  const page = fromHtml(textOfBytes(bytes, "text/html") ?? "");
  giveTitle(page);
  return markdownOfTree(page);
};

/** A page without headings, or with several of its highest level and none of them its name, has its name in its head alone. */
function giveTitle(page: Root): void {
  let body: Element | undefined;
  let title = "";
  const headings: Element[] = [];
  const waiting: Nodes[] = [page];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (!("children" in node)) continue;
    if (node.type === "element") {
      const { tagName, children } = node;
      if (tagName === "body") body ??= node;
      if (tagName === "title" && children[0]?.type === "text") title ||= children[0].value.trim();
      if (HEADING.test(tagName)) headings.push(node);
    }
    for (const child of node.children) waiting.push(child);
  }
  const highest = headings.filter((heading) => headings.every(({ tagName }) => heading.tagName <= tagName));
  if (body === undefined || title === "" || highest.length === 1) return;
  const names = highest.map(nameOf);
  if (names.includes(title)) return;
  body.children.unshift({
    type: "element",
    tagName: "h1",
    properties: {},
    children: [{ type: "text", value: withoutSite(title, names) }],
  });
}

/** What a heading says, without the sign that links it to itself. */
function nameOf({ children }: Element): string {
  const said = children.map((child) => {
    const text = textOf(child);
    return child.type === "element" && child.tagName === "a" && !/[\p{L}\p{N}]/u.test(text) ? "" : text;
  });
  return said.join("").trim();
}

/** `Changes — The site`, where `Changes` is a heading of the page: that. Where both parts are, the site's name may be either. */
function withoutSite(title: string, names: readonly string[]): string {
  const [, page = "", site = ""] = /^(.+?)\s+[—–|·:-]+\s+(.+)$/su.exec(title) ?? [];
  return names.includes(page) && !names.includes(site) ? page : title;
}
