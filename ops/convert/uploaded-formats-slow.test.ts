/** Files of every format and encoding, through the whole service; `convert-file.test.ts` reads the formats, too. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { mediaTypeOfName } from "../../worker/rag/ingest/file-type.ts";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { manualOf, type SampleFormat, sampleFile } from "../bench/sample-files.ts";
import { parseFile } from "./parse-file.ts";
import { PATH, uploadsTo } from "./uploads.fixture.ts";

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

async function markdownOf(format: SampleFormat, bytes: Uint8Array): Promise<string> {
  const parsed = await parseFile(mediaTypeOfName(format) ?? "", bytes);
  return "markdown" in parsed ? parsed.markdown : "";
}

test.each<[SampleFormat, place: string]>([
  [".pdf", "Page 5 › Assembly 5"],
  // The title of the document is no part of the place.
  [".docx", "Assembly 5"],
  [".odt", "Assembly 5"],
  [".xlsx", "Assembly 5"],
  [".pptx", "Slide 5: Assembly 5"],
  // Its maker repeats the chapter's title above the chapter.
  [".epub", "Assembly 5 › Assembly 5"],
])(
  "a question about a table's cell is answered from a %s, and the citation says on which page, slide, sheet or in which chapter",
  async (format, place) => {
    const id = `manual${format}`;
    const metadata = { collection: format };
    const file = await sampleFile(format, manualOf(6));
    // What Workers AI does not convert comes as the Markdown that `index update` makes of it.
    const isSent = format !== ".pptx" && format !== ".epub";
    const written = isSent
      ? await uploadsTo(service).upload(`manual${format}`, file, { id, metadata: JSON.stringify(metadata) })
      : await service.call("POST", PATH, { id, title: "manual", metadata, text: await markdownOf(format, file) });
    expect(written).toMatchObject({ status: 201, json: { id, status: "created" } });
    const { json } = await service.call("POST", "/api/v1/chat", {
      message: "What torque has axle bolt 5?",
      filter: { collection: format },
    });
    expect(json).toMatchObject({ found: true, grounded: true, citations: [{ document_id: id }] });
    expect(json.citations[0].quote).toContain("| Axle bolt 5 | 44 Nm | Socket 17 |");
    expect(json.citations[0].heading).toBe(place);
  },
);

const latin1 = (text: string) => Buffer.from(text, "latin1");
const meta = (attributes: string) => `<!doctype html><!-- <meta charset=koi8-r> --><meta ${attributes}>`;

test.each<[string, string, type: string, Uint8Array]>([
  ["an HTML page, declared", "a.html", "text/html; charset=ISO-8859-1", latin1("<p>Café Zoë</p>")],
  [
    "an HTML page by the older meta",
    "a.html",
    "text/html",
    latin1(`${meta('http-equiv="Content-Type" content="text/html; charset=windows-1252"')}<p>Café Zoë</p>`),
  ],
  [
    "XHTML by its declaration",
    "a.html",
    "text/html",
    latin1('<?xml version="1.0" encoding="iso-8859-15"?><p>Café Zoë</p>'),
  ],
  [
    "a page whose meta is wrong, by what was declared",
    "a.html",
    "text/html; charset=utf-8",
    Buffer.from(`${meta("charset=latin1")}<p>Café Zoë</p>`),
  ],
  [
    "a page that says of itself what it cannot be",
    "a.html",
    "text/html",
    Buffer.from(`${meta("charset=utf-16")}<p>Café Zoë</p>`),
  ],
  ["a table of Excel's", "a.csv", "text/csv; header=present; charset=windows-1252", latin1("Name\nCafé Zoë\n")],
  ["a table of Excel's, as Unicode text", "a.csv", "text/csv", Buffer.from("\uFEFFName\nCafé Zoë\n", "utf16le")],
])("text is read in the encoding that it says it is in: %s", async (_, name, type, bytes) => {
  expect(await uploadsTo(service).textsOf(name, type, bytes)).toEqual(
    Array(2).fill(expect.stringContaining("Café Zoë")),
  );
});
