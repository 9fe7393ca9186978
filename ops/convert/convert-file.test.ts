/** Files that other libraries made, bombs, and files that are not what they say. */
import { join } from "node:path";
import { strToU8, zipSync } from "fflate";
import { PDFDocument } from "pdf-lib";
import { describe, expect, test } from "vitest";
import { $ } from "zx/core";
import { sha256 } from "../../worker/ground/digest.ts";
import { fileFlaw, mediaTypeOfName } from "../../worker/rag/ingest/file-type.ts";
import { manualOf, SAMPLE_FORMATS, type SampleFormat, type Section, sampleFile } from "../bench/sample-files.ts";
import { CONVERT_PAGES_MAX } from "../limits.ts";
import { CONVERTER_VERSION, convertFile } from "./convert-file.ts";
import { parseFile } from "./parse-file.ts";

const typeOf = (name: string) => mediaTypeOfName(name) ?? "";

const bytesOf = (content: Uint8Array | string) => (typeof content === "string" ? strToU8(content) : content);

/** As the process of `convertFile` does, without starting it each time. */
async function convert(name: string, content: Uint8Array | string): Promise<string> {
  const bytes = bytesOf(content);
  const flaw = fileFlaw(typeOf(name), bytes);
  const parsed = flaw === null ? await parseFile(typeOf(name), bytes) : { refused: flaw };
  return "refused" in parsed ? `refused: ${parsed.refused}` : parsed.markdown;
}

const TABLE = /^\| Part \| Torque \| Tool \|\n\| - \| - \| - \|\n\| Axle bolt 1 \| 40 Nm \| Socket 17 \|$/m;
const ITEMS = "- Lift the frame\n- Tighten the bolts crosswise\n- Check the gap\n";
const SENTENCE = "Assembly 2 is mounted before the engine is filled with oil. Clean every thread first.\n";

describe("a manual keeps its headings, lists and tables", () => {
  const expected: [SampleFormat, heading: RegExp, flowing: boolean][] = [
    [".html", /^# Service manual\n\n## Assembly 1$/m, true],
    [".docx", /^# Service manual\n\n## Assembly 1$/m, true],
    [".odt", /^# Service manual\n\n## Assembly 1$/m, true],
    [".epub", /^## Assembly 2$/m, true],
    [".pdf", /^### Page 2\n\n#{4,6} Assembly 2$/m, true],
    [".pptx", /^## Slide 2: Assembly 2$/m, true],
    [".xlsx", /^## Assembly 2$/m, false],
    [".csv", /^\| Cover screw 2 \| 6 Nm/m, false],
  ];
  test.each(expected)("%s", async (format, heading, flowing) => {
    const markdown = await convert(`manual${format}`, await sampleFile(format, manualOf(2)));
    expect(markdown).toMatch(heading);
    expect(markdown).toMatch(TABLE);
    if (flowing) expect(markdown).toContain(ITEMS);
    if (flowing) expect(markdown).toContain(SENTENCE);
    expect(markdown).not.toMatch(/Home|<!--/);
  });
});

test("whoever makes other Markdown of a file raises the converter's version, so that updates convert it once more", async () => {
  const manual = manualOf(2);
  const made = await Promise.all(
    SAMPLE_FORMATS.map(async (format) => convert(`manual${format}`, await sampleFile(format, manual))),
  );
  expect([CONVERTER_VERSION, await sha256(made.join("\n"))]).toEqual([
    4,
    "e3396930fe086a60dbc90e800c350a196b8f039049e15d4b901dea2ab600ca13",
  ]);
});

describe("what separates fields and cells stays data", () => {
  test("a pipe, a line end and a separator inside of a field", async () => {
    expect(await convert("a.csv", 'Name;Note\n"a|b";"one\ntwo; three"\n')).toBe(
      "| Name | Note |\n| - | - |\n| a\\|b | one two; three |\n",
    );
  });
});

describe("a file that cannot be taken is refused with the reason", () => {
  const zip = (entries: Record<string, string>) =>
    zipSync(Object.fromEntries(Object.entries(entries).map(([name, text]) => [name, strToU8(text)])));
  /** The same archive, its directory announcing so many bytes for every entry. */
  const announcing = (size: number, archive: Uint8Array) => {
    const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
    for (let at = 0; at + 28 < archive.length; at += 1)
      if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, size, true);
    return archive;
  };
  const mebibyte = "x".repeat(1024 * 1024);
  const laughs = Array.from({ length: 20 }, (_, i) => `<!ENTITY a${i + 1} "${`&a${i};`.repeat(10)}">`).join("");
  const office = 'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"';

  test.each<[string, string, () => Uint8Array | string, RegExp]>([
    ["an archive in place of a PDF", "a.pdf", () => zip({ a: "b" }), /does not begin as one/],
    [
      "a workbook that says it is a text",
      "a.docx",
      () => zip({ "xl/workbook.xml": "<x/>" }),
      /has no word\/document\.xml/,
    ],
    ["an archive that is cut off", "a.odt", () => zip({ "content.xml": mebibyte }).slice(0, 500), /damaged/],
    ["no text at all", "a.html", () => "<html><body><img src='a.png'></body></html>", /holds no text/],
    ["Latin-1 as text", "a.csv", () => Uint8Array.of(0x63, 0xe9, 0x0a), /not UTF-8/],
    [
      "a bomb that says how much it holds",
      "a.docx",
      () => announcing(60_000_000, zip({ "word/document.xml": "x", "word/more.xml": "x" })),
      /inflates to 120000000 bytes/,
    ],
    [
      "a bomb that lies about it",
      "a.odt",
      () => announcing(1, zip({ "content.xml": mebibyte })),
      /more in content\.xml/,
    ],
    [
      "a bomb inside of Word's reader",
      "a.docx",
      () => announcing(1, zip({ "word/document.xml": mebibyte })),
      /more in word/,
    ],
    [
      "a billion laughs",
      "a.odt",
      () =>
        zip({
          "content.xml": `<!DOCTYPE a [<!ENTITY a0 "ha">${laughs}]><office:body ${office}><p>&a20;</p></office:body>`,
        }),
      /cannot be read/,
    ],
    ["a hundred thousand nested elements", "a.html", () => `${"<div>".repeat(100_000)}x`, /nested too deep/],
    ["more text than a document takes", "a.html", () => "word ".repeat(200_000), /characters, at most 900000/],
    [
      "a sheet of endless columns",
      "a.ods",
      () =>
        zip({
          "content.xml": `<office:body ${office} xmlns:t="t">${`<table:table xmlns:table="t">${'<table:table-row><table:table-cell table:number-columns-repeated="16384">x</table:table-cell></table:table-row>'.repeat(4_000)}</table:table>`}</office:body>`,
        }),
      /more than 200000 cells/,
    ],
  ])("%s", async (_, name, content, reason) => {
    expect(await convert(name, content())).toMatch(reason);
  });

  test("pages that are images, with a word about what to do", async () => {
    const scan = await PDFDocument.create();
    for (let page = 0; page < 3; page += 1) scan.addPage();
    expect(await convert("scan.pdf", await scan.save())).toMatch(/text recognition \(OCR\)/);
  });

  test("a PDF of more pages than are read", async () => {
    const long = await PDFDocument.create();
    for (let page = 0; page <= CONVERT_PAGES_MAX; page += 1) long.addPage();
    expect(await convert("long.pdf", await long.save())).toMatch(/has 2001 pages, at most 2000/);
  });
});

describe("the process of a parser", () => {
  const start = (content: string, signal?: AbortSignal) =>
    convertFile({ media_type: typeOf("a.html"), bytes: strToU8(content) }, signal);

  test("tells what it made and what it took", async () => {
    expect(await start("<h1>Hello</h1>")).toEqual({ markdown: "# Hello\n", peak_mb: expect.any(Number) });
  });

  test("reads a workbook of many rows without threads", async () => {
    const [section] = manualOf(1);
    const rows = Array.from({ length: 8_000 }, (_, row) => [`Axle bolt ${row}`, `${row} Nm`, "Socket 17"]);
    const bytes = await sampleFile(".xlsx", [{ ...section, rows: [["Part", "Torque", "Tool"], ...rows] } as Section]);
    const converted = await convertFile({ media_type: typeOf("a.xlsx"), bytes });
    expect(converted).toMatchObject({ markdown: expect.stringContaining("| Axle bolt 7999 | 7999 Nm | Socket 17 |") });
  });

  test("ends when whoever waits for it gives up", async () => {
    const controller = new AbortController();
    const waiting = start("<p>a</p>".repeat(500_000), controller.signal);
    controller.abort(new Error("given up"));
    await expect(waiting).rejects.toThrow("given up");
  });

  test("has no network", async () => {
    const program = `
      import { giveUpNetwork } from ${JSON.stringify(join(import.meta.dirname, "no-network.ts"))};
      giveUpNetwork();
      await fetch("http://127.0.0.1:8000/").catch(({ cause }) => console.log(cause.message));`;
    const { stdout } = await $({ quiet: true })`${process.execPath} --input-type=module -e ${program}`;
    expect(stdout).toContain("a file's parser has no network");
  });
});
