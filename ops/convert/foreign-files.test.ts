/** What office programs write and libraries for tests do not: each rule was found in files that LibreOffice had made. */
import { Document, FootnoteReferenceRun, Packer, Paragraph, Table, TableCell, TableRow, TextRun } from "docx";
import excel from "exceljs";
import { strToU8, zipSync } from "fflate";
import { PDFDocument, StandardFonts } from "pdf-lib";
import { describe, expect, test } from "vitest";
import { fileFlaw, mediaTypeOfName } from "../../worker/rag/ingest/file-type.ts";
import { parseFile } from "./parse-file.ts";

async function convert(name: string, content: Uint8Array | string): Promise<string> {
  const bytes = typeof content === "string" ? strToU8(content) : content;
  const type = mediaTypeOfName(name) ?? "";
  expect(fileFlaw(type, bytes)).toBeNull();
  const parsed = await parseFile(type, bytes);
  return "refused" in parsed ? `refused: ${parsed.refused}` : parsed.markdown;
}

const NAMESPACES = ["office", "text", "table", "style", "draw", "presentation", "fo"]
  .map((name) => `xmlns:${name}="urn:oasis:names:tc:opendocument:xmlns:${name}:1.0"`)
  .join(" ");
const openDocument = (body: string, styles = "") =>
  zipSync({
    "content.xml": strToU8(`<office:document-content ${NAMESPACES} xmlns:xlink="http://www.w3.org/1999/xlink">
<office:automatic-styles>${styles}</office:automatic-styles><office:body>${body}</office:body></office:document-content>`),
    "styles.xml":
      strToU8(`<office:document-styles ${NAMESPACES}><office:styles><text:list-style style:name="Numbering_20_1">
<text:list-level-style-number text:level="1" style:num-format="1"/><text:list-level-style-number text:level="2" style:num-format=""/>
</text:list-style></office:styles></office:document-styles>`),
  });
const p = (text: string) => `<text:p>${text}</text:p>`;
const cell = (...paragraphs: string[]) => `<table:table-cell>${paragraphs.map(p).join("")}</table:table-cell>`;
const row = (...cells: string[]) => `<table:table-row>${cells.join("")}</table:table-row>`;
const item = (content: string) => `<text:list-item>${content}</text:list-item>`;

describe("OpenDocument", () => {
  test("titles and headings are known by the styles that theirs vary, and numbered lists by their style's level", async () => {
    const styles =
      '<style:style style:name="P1" style:parent-style-name="Title"/><style:style style:name="P2" style:parent-style-name="Heading_20_2"/>';
    const list = `<text:list text:style-name="Numbering_20_1">${item(`${p("Open")}<text:list>${item(p("Slowly"))}</text:list>`)}${item(p("Close"))}</text:list>`;
    const text = `<text:p text:style-name="P1">Handbook</text:p><text:p text:style-name="P2">Start</text:p>${list}`;
    expect(await convert("a.odt", openDocument(`<office:text>${text}</office:text>`, styles))).toBe(
      "# Handbook\n\n## Start\n\n1. Open\n   - Slowly\n2. Close\n",
    );
  });

  test("merged cells keep the others in their columns, and lines of a cell stay apart", async () => {
    const covered = "<table:covered-table-cell/>";
    const table = [
      `<table:table-header-rows>${row(cell("Boiler"), cell("Cold"), cell("Hot"))}</table:table-header-rows>`,
      row(
        '<table:table-cell table:number-rows-spanned="2"><text:p>North</text:p></table:table-cell>',
        cell("1"),
        cell("2"),
      ),
      row(covered, cell("3"), cell("4")),
      row(cell("East"), cell("first", "second"), cell("a|b")),
    ];
    const text = `<office:text><table:table table:name="Table1">${table.join("")}</table:table></office:text>`;
    expect(await convert("a.odt", openDocument(text))).toBe(
      "| Boiler | Cold | Hot |\n| - | - | - |\n| North | 1 | 2 |\n| | 3 | 4 |\n| East | first second | a\\|b |\n",
    );
  });

  test("a slide keeps its title, the levels of its list, its table and what the speaker noted, and no footer", async () => {
    const frame = (kind: string, content: string) =>
      `<draw:frame presentation:class="${kind}"><draw:text-box>${content}</draw:text-box></draw:frame>`;
    // A change of level begins another list, whose first item is nothing but a list.
    const lists =
      `<text:list text:style-name="L2">${item(p("First"))}</text:list>` +
      `<text:list text:style-name="L3">${item(`<text:list>${item(p("Below"))}</text:list>`)}${item(p("Second"))}</text:list>`;
    const page =
      frame("title", p("Boilers")) +
      frame("outline", lists) +
      `<draw:frame><table:table>${row(cell("Name"), cell("Hours"))}${row(cell("North"), cell("812"))}</table:table></draw:frame>` +
      frame("footer", p("Confidential")) +
      `<presentation:notes>${frame("page-number", p("7"))}${frame("notes", p("Say it slowly."))}</presentation:notes>`;
    const slides = `<office:presentation><draw:page>${page}</draw:page></office:presentation>`;
    expect(await convert("a.odp", openDocument(slides))).toBe(
      "## Slide 1: Boilers\n\n- First\n  - Below\n- Second\n\n| Name | Hours |\n| - | - |\n| North | 812 |\n\nSay it slowly.\n",
    );
  });

  test("every sheet is a table under its name, with what is repeated or merged in its columns", async () => {
    const gap =
      '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>';
    const stock =
      row(cell("Part"), cell("Count"), cell("Sold"), cell("Place")) +
      row(
        cell("Bolt"),
        '<table:table-cell table:number-columns-repeated="2"><text:p>7</text:p></table:table-cell>',
        cell("棚"),
      ) +
      row(
        '<table:table-cell table:number-columns-spanned="2"><text:p>merged</text:p></table:table-cell>',
        "<table:covered-table-cell/>",
        "<table:table-cell/>",
        cell("מדף"),
      ) +
      gap;
    const sheet = (name: string, rows: string) =>
      `<table:table table:name="${name}" table:style-name="ta1">${rows}</table:table>`;
    const book = `<office:spreadsheet>${sheet("Stock", stock)}${sheet("Empty", gap)}${sheet("空", row(cell("名")))}</office:spreadsheet>`;
    expect(await convert("a.ods", openDocument(book))).toBe(
      "## Stock\n\n| Part | Count | Sold | Place |\n| - | - | - | - |\n| Bolt | 7 | 7 | 棚 |\n| merged | | | מדף |\n\n## 空\n\n| 名 |\n| - |\n",
    );
  });
});

test("Word's footnotes stand in their sentences, and paragraphs of a cell stay apart", async () => {
  const file = new Document({
    footnotes: { 1: { children: [new Paragraph("It takes nine minutes.")] } },
    sections: [
      {
        children: [
          new Paragraph({ children: [new TextRun("Fill it"), new FootnoteReferenceRun(1), new TextRun(" first.")] }),
          new Table({
            rows: [
              new TableRow({ children: [new TableCell({ children: [new Paragraph("Boiler")] })] }),
              new TableRow({
                children: [new TableCell({ children: [new Paragraph("North"), new Paragraph("South")] })],
              }),
            ],
          }),
        ],
      },
    ],
  });
  expect(await convert("a.docx", await Packer.toBuffer(file))).toBe(
    "Fill it (It takes nine minutes.) first.\n\n| Boiler |\n| - |\n| North South |\n",
  );
});

test("of a page, rows without words, links to nowhere and readings of words are left out; numbers of notes stand apart", async () => {
  const page = `<h1><a name="t0">Sheet 1</a></h1><p>Fill it<a href="#n1"><sup>1</sup></a> <a href="#top">above</a>.</p>
<table><tr><td>Part</td><td>Count</td></tr><tr><td>&nbsp;</td><td></td></tr><tr><td><ul><li>Bolt</li><li>Nut</li></ul></td><td>4<br>5</td></tr></table>
<p><ruby>弁<rp>(</rp><rt>べん</rt><rp>)</rp></ruby></p>`;
  expect(await convert("a.html", page)).toBe(
    "# Sheet 1\n\nFill it \\[1] above.\n\n| Part | Count |\n| - | - |\n| Bolt Nut | 4 5 |\n\n弁\n",
  );
});

describe("Excel", () => {
  const workbook = async (fill: (sheet: excel.Worksheet) => void) => {
    const book = new excel.Workbook();
    fill(book.addWorksheet("Stock"));
    return convert("a.xlsx", new Uint8Array(await book.xlsx.writeBuffer()));
  };

  test("cells that are formatted and empty count for nothing, however far they reach", async () => {
    const markdown = await workbook((sheet) => {
      sheet.addRows([
        ["Part", "Count"],
        ["Bolt", 4],
      ]);
      sheet.getCell("XFD1048576").font = { bold: true };
    });
    expect(markdown).toBe("## Stock\n\n| Part | Count |\n| - | - |\n| Bolt | 4 |\n");
  });

  test("numbers are as their sheet shows them: percentages, currencies, thousands, times; dates have the order of ISO 8601", async () => {
    const shown: [value: number | Date, format: string, text: string][] = [
      [0.125, "0.0%", "12.5%"],
      [1234.5, '"$"#,##0.00', "$1,234.50"],
      [1234.5, "#,##0.00 [$€-407]", "1.234,50 €"],
      [-1234.5, '_-* #,##0.00\\ "€"_-;\\-* #,##0.00\\ "€"_-', "-1,234.50 €"],
      [1234567, "#,##0", "1,234,567"],
      [42, '0" kg"', "42 kg"],
      [1234, "00000", "01234"],
      [0.1 + 0.2, "General", "0.3"],
      [7, "@", "7"],
      [7, "[what", "7"],
      [1.5208, "[h]:mm", "36:29"],
      [0.35, "h:mm AM/PM", "8:24 AM"],
      [new Date("2026-03-04"), "d/m/yy", "2026-03-04"],
      [new Date("2026-03-04T15:30:00Z"), "m/d/yy h:mm", "2026-03-04 15:30"],
      [new Date("2026-03-04"), "mmm-yy", "2026-03"],
      [-5, "yyyy-mm-dd", "-5"],
    ];
    const markdown = await workbook((sheet) => {
      sheet.addRow(["Value", "Format & <sign>"]);
      for (const [value, format] of shown) sheet.addRow([value, format]).getCell(1).numFmt = format;
    });
    const cells = [...markdown.matchAll(/^\| (.*?) \| /gm)].map(([, cell]) => cell);
    expect(cells.slice(2)).toEqual(shown.map(([, , text]) => text));
  });

  test("a workbook that counts its days from 1904 has the same dates", async () => {
    const book = new excel.Workbook();
    book.properties.date1904 = true;
    book.addWorksheet("Days").addRows([["Day"], [new Date("2026-03-04")]]);
    expect(await convert("a.xlsx", new Uint8Array(await book.xlsx.writeBuffer()))).toContain("| 2026-03-04 |");
  });

  test("a value at the far end of a sheet is refused with its place, at once", async () => {
    const markdown = await workbook((sheet) => {
      sheet.addRow(["Part"]);
      sheet.getCell("XFD1048576").value = "far";
    });
    expect(markdown).toMatch(
      /^refused: has cells as far as row 1048576 and column 16384, more than 200000 in all; split it$/,
    );
  });
});

test("rows of commas alone are left out of a CSV", async () => {
  expect(await convert("a.csv", "Part,Count\n,\n , \nBolt,4\n")).toBe("| Part | Count |\n| - | - |\n| Bolt | 4 |\n");
  expect(await convert("a.csv", ",\n,\n")).toBe("refused: holds no text");
});

test("a CSV's mark is the one that it names, as Excel has it, or that its head has between its names, not in them", async () => {
  const table = "| Part | Count, sold |\n| - | - |\n| Bolt | 4,5 |\n";
  expect(await convert("a.csv", 'Part;"Count, sold"\nBolt;4,5\n')).toBe(table);
  expect(await convert("a.csv", "\ufeffsep=|\r\nPart|Count, sold\r\nBolt|4,5\r\n")).toBe(table);
});

describe("PDF", () => {
  type Word = readonly [text: string, x: number, y: number, size?: number];
  const pdf = async (words: readonly Word[]) => {
    const file = await PDFDocument.create();
    const font = await file.embedFont(StandardFonts.Helvetica);
    const page = file.addPage([595, 842]);
    for (const [text, x, y, size = 10] of words) page.drawText(text, { x, y, size, font });
    return convert("a.pdf", await file.save());
  };

  test("an empty cell leaves the others in their columns, and a cell's second line and what is drawn late stay in their row", async () => {
    const words: Word[] = [
      ...([
        ["Boiler", 60, 700],
        ["Cold", 200, 700],
        ["Hot", 320, 700],
        ["Place", 440, 700],
      ] as const),
      ...([
        ["North", 60, 684],
        ["1.2", 240, 684],
        ["1.9", 360, 684],
      ] as const),
      ...([
        ["1.3", 240, 668],
        ["2.0", 360, 668],
        ["cellar", 440, 668],
      ] as const),
      ...([
        ["East", 60, 652],
        ["first line", 200, 652],
      ] as const),
      ["second line", 200, 640],
      ["attic", 440, 684],
      ["Below the table.", 60, 600],
    ];
    expect(await pdf(words)).toBe(
      "### Page 1\n\n| Boiler | Cold | Hot | Place |\n| - | - | - | - |\n| North | 1.2 | 1.9 | attic |\n| | 1.3 | 2.0 | cellar |\n" +
        "| East | first line second line | | |\n\nBelow the table.\n",
    );
  });

  test("items are known by a bullet without a space and by their number, and the number of a note is no part of its word", async () => {
    const words: Word[] = [
      ["Fill the boiler", 60, 700],
      ["1", 116.8, 704, 6],
      ["before it is lit, with 2 m", 123, 700],
      ["3", 221.9, 704, 6],
      ["•Open", 60, 684],
      ["•Close", 60, 670],
      ["1.Light", 60, 640],
      ["2. Wait", 60, 626],
    ];
    const markdown = await pdf(words);
    expect(markdown).toContain("Fill the boiler \\[1] before it is lit, with 2 m3");
    expect(markdown).toContain("- Open\n- Close\n\n1. Light\n2. Wait\n");
  });
});
