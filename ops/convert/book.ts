/** Books (.epub): their chapters in the order of reading. */
import { linkedEntry, openArchive } from "./archive.ts";
import { markdownOfHtml } from "./markdown.ts";
import { type Parser, Refused } from "./parser.ts";
import { allOf, decodeXml, firstOf, parseXml } from "./xml.ts";

const CONTAINER = "META-INF/container.xml";
const ENCRYPTED = "META-INF/encryption.xml";
const PAGES = new Set(["application/xhtml+xml", "text/html"]);

export const parseEpub: Parser = (bytes) => {
  const { names, read } = openArchive(bytes);
  const container = parseXml(read(CONTAINER), CONTAINER);
  const path = firstOf(container, "rootfile")?.attributes["full-path"] ?? "";
  const book = parseXml(read(path), "its package document");
  const items = new Map(allOf(book, "item").map(({ attributes }) => [attributes.id, attributes]));
  const chapters = allOf(book, "itemref").flatMap(({ attributes: { idref } }) => {
    const { href, "media-type": type, properties } = items.get(idref) ?? {};
    // The table of contents repeats the headings.
    if (!href || !PAGES.has(type ?? "") || properties?.split(" ").includes("nav")) return [];
    const chapter = read(linkedEntry(names, path, href));
    return chapter === undefined ? [] : [markdownOfHtml(decodeXml(chapter)).trim()];
  });
  const text = chapters.filter((chapter) => chapter !== "").join("\n\n");
  if (text === "" && names.has(ENCRYPTED)) throw new Refused("is protected against reading");
  return text;
};
