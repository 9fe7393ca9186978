/** Books, slides and texts are archives of XML, whose writers choose prefixes, names and encodings as they like. */
import { strToU8, zipSync } from "fflate";
import { expect, test } from "vitest";
import { mediaTypeOfName } from "../../worker/rag/ingest/file-type.ts";
import { parseFile } from "./parse-file.ts";

async function convert(name: string, bytes: Uint8Array): Promise<string> {
  const parsed = await parseFile(mediaTypeOfName(name) ?? "", bytes);
  return "refused" in parsed ? `refused: ${parsed.refused}` : parsed.markdown;
}

const xml = (text: string) => strToU8(`<?xml version="1.0" encoding="UTF-8"?>\n${text}`);
const container = (path: string) =>
  xml(`<c:container xmlns:c="urn:oasis:names:tc:opendocument:xmlns:container"><c:rootfiles>
<c:rootfile full-path="${path}" media-type="application/oebps-package+xml"/></c:rootfiles></c:container>`);
const book = (chapters: Record<string, Uint8Array>) => {
  const hrefs = Object.keys(chapters);
  const items = hrefs.map((href, at) => `<opf:item id="c${at}" href="${href}" media-type="application/xhtml+xml"/>`);
  return zipSync({
    "META-INF/container.xml": container("text files/book.opf"),
    "text files/book.opf": xml(`<opf:package xmlns:opf="http://www.idpf.org/2007/opf">
<opf:manifest>${items.join("")}</opf:manifest><opf:spine>${hrefs.map((_, at) => `<opf:itemref idref="c${at}"/>`).join("")}</opf:spine></opf:package>`),
    ...Object.fromEntries(
      hrefs.map((href) => [`text files/${href.replace("%C3%A9", "é")}`, chapters[href] as Uint8Array]),
    ),
  });
};
const page = (title: string, encoding = "UTF-8") =>
  `<?xml version="1.0" encoding="${encoding}"?><html xmlns="http://www.w3.org/1999/xhtml"><body><h1>${title}</h1></body></html>`;

test("a book's parts have any prefix, any name and the encoding that they say", async () => {
  const chapters = {
    "100%.xhtml": strToU8(page("All of it")),
    "caf%C3%A9.xhtml": strToU8(page("Encoded")),
    "a b.xhtml": new Uint8Array(Buffer.from(`\ufeff${page("Grün", "UTF-16")}`, "utf16le")),
    "old.xhtml": new Uint8Array(Buffer.from(page("Größe", "iso-8859-1"), "latin1")),
  };
  expect(await convert("a.epub", book(chapters))).toBe("# All of it\n\n# Encoded\n\n# Grün\n\n# Größe\n");
});

test("slides and texts are known by their namespaces, whatever prefix a program gives them", async () => {
  const [P, A] = ["presentationml", "drawingml"].map((name) => `http://schemas.openxmlformats.org/${name}/2006/main`);
  const R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
  const slides = zipSync({
    "ppt/presentation.xml": xml(`<ns0:presentation xmlns:ns0="${P}" xmlns:ns1="${R}">
<ns0:sldIdLst><ns0:sldId id="256" ns1:id="rId1"/></ns0:sldIdLst></ns0:presentation>`),
    "ppt/_rels/presentation.xml.rels":
      xml(`<ns0:Relationships xmlns:ns0="http://schemas.openxmlformats.org/package/2006/relationships">
<ns0:Relationship Id="rId1" Type="${R}/slide" Target="/ppt/slides/Folie 1.xml"/></ns0:Relationships>`),
    "ppt/slides/Folie 1.xml":
      xml(`<sld xmlns="${P}" xmlns:d="${A}"><cSld><spTree><sp><nvSpPr><nvPr><ph type="title"/></nvPr></nvSpPr>
<txBody><d:p><d:r><d:t>Boilers</d:t></d:r></d:p></txBody></sp></spTree></cSld></sld>`),
  });
  expect(await convert("a.pptx", slides)).toBe("## Slide 1: Boilers\n");

  const [O, T] = ["office", "text"].map((name) => `urn:oasis:names:tc:opendocument:xmlns:${name}:1.0`);
  const text = zipSync({
    "content.xml": xml(`<ns0:document-content xmlns:ns0="${O}" xmlns:ns1="${T}"><ns0:body><ns0:text>
<ns1:h ns1:outline-level="2">Start</ns1:h><ns1:p>Open it.</ns1:p></ns0:text></ns0:body></ns0:document-content>`),
  });
  expect(await convert("a.odt", text)).toBe("## Start\n\nOpen it.\n");
});
