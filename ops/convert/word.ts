/** Word's documents (.docx). */
import type { Element, Nodes } from "hast";
import { fromHtml } from "hast-util-from-html";
import mammoth from "mammoth";
import { checkArchive } from "./archive.ts";
import { markdownOfTree } from "./markdown.ts";
import type { Parser } from "./parser.ts";

/** mammoth knows the headings; the document's title is one as well. A table of contents repeats them. */
const STYLES = [
  "p[style-name='Title'] => h1:fresh",
  "p[style-name='Subtitle'] => p:fresh",
  "p[style-name^='toc '] => !",
];
/** What mammoth calls a note, and the place of its mark. */
const NOTE = /^(?:foot|end)note-\d/;
const NOTE_MARK = /^(?:foot|end)note-ref-/;

export const parseDocx: Parser = async (bytes) => {
  checkArchive(bytes);
  const noPictures = mammoth.images.imgElement(async () => ({ src: "" }));
  const { value } = await mammoth.convertToHtml(
    { buffer: Buffer.from(bytes) },
    { styleMap: STYLES, convertImage: noPictures },
  );
  const tree = fromHtml(value, { fragment: true });
  inlineNotes(tree);
  return markdownOfTree(tree);
};

/** Puts each note in parentheses in place of its mark: at the end of the document nobody knows what it is about. */
function inlineNotes(tree: Nodes): void {
  const named = new Map<string, Element>();
  const waiting: Nodes[] = [tree];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node.type === "element" && node.properties.id !== undefined) named.set(String(node.properties.id), node);
    if ("children" in node) waiting.push(...node.children.filter((child) => child.type === "element"));
  }
  for (const [id, mark] of named) {
    const note = NOTE_MARK.test(id) ? named.get(String(mark.properties.href).slice(1)) : undefined;
    if (note === undefined || !NOTE.test(String(note.properties.id))) continue;
    const words = note.children.flatMap((paragraph) => ("children" in paragraph ? paragraph.children : []));
    const text = words.filter((word) => !(word.type === "element" && word.properties.href === `#${id}`));
    const [first, last] = [text[0], text.at(-1)];
    if (first?.type === "text") first.value = first.value.trimStart();
    if (last?.type === "text") last.value = last.value.trimEnd();
    mark.tagName = "span";
    mark.children = [{ type: "text", value: " (" }, ...text, { type: "text", value: ")" }];
    // Which is left out of a page.
    note.tagName = "template";
  }
}
