/** Markdown as a syntax tree (CommonMark with YAML front matter), for runbooks and for the checks of documents. Pure. */
import type { Code, Nodes, Root } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { frontmatterFromMarkdown } from "mdast-util-frontmatter";
import { frontmatter } from "micromark-extension-frontmatter";

/** The tree of a document; every text is Markdown, so nothing is refused. */
export function parseMarkdown(text: string): Root {
  return fromMarkdown(text, {
    extensions: [frontmatter(["yaml"])],
    mdastExtensions: [frontmatterFromMarkdown(["yaml"])],
  });
}

/** The tree's nodes in the order of the text, parents first. A stack, because quotes may be nested thousands deep. */
export function* nodesOf(root: Nodes): Generator<Nodes> {
  const pending: Nodes[] = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    yield node;
    if ("children" in node) pending.push(...node.children.toReversed());
  }
}

/** The line that a node begins on, counted from 1. */
export function lineOf(node: Nodes): number {
  return node.position?.start.line ?? 1;
}

/** What stands after a fence's opening marks, as written; empty for code that is only indented. */
export function infoOf(code: Code): string {
  return [code.lang, code.meta].filter((part) => part !== null && part !== undefined).join(" ");
}
