/**
 * One manual in every format that is converted, made by libraries that read none of them back: what `bench ingest --formats`
 * measures and tests look into. OpenDocument alone has no such library and is written here.
 */
import { Document, HeadingLevel, Packer, Paragraph, Table, TableCell, TableRow } from "docx";
import excel from "exceljs";
import { strToU8, zipSync } from "fflate";
import { PDFDocument, type PDFFont, type PDFPage, StandardFonts } from "pdf-lib";

export interface Section {
  heading: string;
  paragraph: string;
  items: readonly string[];
  /** The first row is the head. */
  rows: readonly (readonly string[])[];
}

const TITLE = "Service manual";

/** Sections in which every bolt has a torque of its own. */
export function manualOf(sections: number): Section[] {
  return Array.from({ length: sections }, (_, index) => ({
    heading: `Assembly ${index + 1}`,
    paragraph: `Assembly ${index + 1} is mounted before the engine is filled with oil. Clean every thread first.`,
    items: ["Lift the frame", "Tighten the bolts crosswise", "Check the gap"],
    rows: [
      ["Part", "Torque", "Tool"],
      [`Axle bolt ${index + 1}`, `${40 + index} Nm`, "Socket 17"],
      [`Cover screw ${index + 1}`, `${5 + index} Nm`, "Hex key 4"],
    ],
  }));
}

export type SampleFormat = keyof typeof MAKERS;

/** The manual as a file. */
export async function sampleFile(format: SampleFormat, sections: readonly Section[]): Promise<Uint8Array> {
  return MAKERS[format](sections);
}

const MAKERS = {
  ".html": async (sections: readonly Section[]) =>
    strToU8(
      `<!doctype html><html><head><title>${TITLE}</title></head><body><nav><a href="/">Home</a></nav><h1>${TITLE}</h1>${htmlOf(sections)}</body></html>`,
    ),
  ".csv": async (sections: readonly Section[]) =>
    strToU8(
      sections
        .flatMap(({ rows }, index) => (index === 0 ? rows : rows.slice(1)))
        .map((row) => row.map((cell) => `"${cell}"`).join(","))
        .join("\r\n"),
    ),
  ".pdf": pdf,
  ".docx": docx,
  ".xlsx": xlsx,
  ".pptx": pptx,
  ".odt": odt,
  ".epub": epub,
};

export const SAMPLE_FORMATS = Object.keys(MAKERS) as SampleFormat[];

function htmlOf(sections: readonly Section[]): string {
  return sections
    .map(({ heading, paragraph, items, rows }) => {
      const [head = [], ...body] = rows;
      const row = (cells: readonly string[], tag: string) =>
        `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join("")}</tr>`;
      return `<h2>${heading}</h2><p>${paragraph}</p><ul>${items.map((item) => `<li>${item}</li>`).join("")}</ul>
<table><thead>${row(head, "th")}</thead><tbody>${body.map((cells) => row(cells, "td")).join("")}</tbody></table>`;
    })
    .join("\n");
}

async function docx(sections: readonly Section[]): Promise<Uint8Array> {
  const children = sections.flatMap(({ heading, paragraph, items, rows }) => [
    new Paragraph({ text: heading, heading: HeadingLevel.HEADING_2 }),
    new Paragraph(paragraph),
    ...items.map((text) => new Paragraph({ text, bullet: { level: 0 } })),
    new Table({
      rows: rows.map(
        (row) => new TableRow({ children: row.map((cell) => new TableCell({ children: [new Paragraph(cell)] })) }),
      ),
    }),
  ]);
  const title = new Paragraph({ text: TITLE, heading: HeadingLevel.HEADING_1 });
  return Packer.toBuffer(new Document({ sections: [{ children: [title, ...children] }] }));
}

async function xlsx(sections: readonly Section[]): Promise<Uint8Array> {
  const workbook = new excel.Workbook();
  for (const { heading, rows } of sections) workbook.addWorksheet(heading).addRows(rows as string[][]);
  return new Uint8Array(await workbook.xlsx.writeBuffer());
}

async function pptx(sections: readonly Section[]): Promise<Uint8Array> {
  const { default: library } = await import("pptxgenjs");
  // Its types are those of its CommonJS half.
  const Presentation = library as unknown as typeof library.default;
  const presentation = new Presentation();
  presentation.defineSlideMaster({
    title: "MANUAL",
    objects: [
      {
        placeholder: { options: { name: "title", type: "title", x: 0.5, y: 0.3, w: 9, h: 0.8 }, text: "" },
      },
    ],
  });
  for (const { heading, paragraph, items, rows } of sections) {
    const slide = presentation.addSlide({ masterName: "MANUAL" });
    slide.addText(heading, { placeholder: "title" });
    slide.addText(
      items.map((text) => ({ text, options: { bullet: true } })),
      { x: 0.5, y: 1.2, w: 9, h: 1.5 },
    );
    slide.addTable(
      rows.map((row) => row.map((text) => ({ text }))),
      { x: 0.5, y: 3 },
    );
    slide.addNotes(paragraph);
  }
  return new Uint8Array((await presentation.write({ outputType: "arraybuffer" })) as ArrayBuffer);
}

async function epub(sections: readonly Section[]): Promise<Uint8Array> {
  const { EPub } = await import("epub-gen-memory");
  const chapters = sections.map((section) => ({ title: section.heading, content: htmlOf([section]) }));
  return new EPub({ title: TITLE, verbose: false }, chapters).genEpub();
}

const PAGE = { left: 60, top: 780, column: 150, line: 16 };

async function pdf(sections: readonly Section[]): Promise<Uint8Array> {
  const document = await PDFDocument.create();
  const fonts = [
    await document.embedFont(StandardFonts.Helvetica),
    await document.embedFont(StandardFonts.HelveticaBold),
  ] as const;
  for (const section of sections) drawSection(document.addPage([595, 842]), section, fonts);
  return document.save();
}

function drawSection(page: PDFPage, { heading, paragraph, items, rows }: Section, fonts: readonly [PDFFont, PDFFont]) {
  const [regular, bold] = fonts;
  let y = PAGE.top;
  const write = (text: string, x = PAGE.left, size = 11, font = regular) => page.drawText(text, { x, y, size, font });
  write(heading, PAGE.left, 20, bold);
  y -= 2 * PAGE.line;
  // As a typesetter would: two lines of one paragraph.
  const middle = paragraph.indexOf(" ", paragraph.length / 2);
  write(paragraph.slice(0, middle));
  y -= PAGE.line;
  write(paragraph.slice(middle + 1));
  y -= 2 * PAGE.line;
  for (const item of items) {
    write(`• ${item}`);
    y -= PAGE.line;
  }
  y -= PAGE.line;
  for (const row of rows) {
    row.forEach((cell, column) => {
      write(cell, PAGE.left + column * PAGE.column);
    });
    y -= PAGE.line;
  }
}

const ODT_TYPE = "application/vnd.oasis.opendocument.text";

async function odt(sections: readonly Section[]): Promise<Uint8Array> {
  const p = (text: string) => `<text:p>${text}</text:p>`;
  const body = sections.map(
    ({ heading, paragraph, items, rows }) =>
      `<text:h text:outline-level="2">${heading}</text:h>${p(paragraph)}` +
      `<text:list>${items.map((item) => `<text:list-item>${p(item)}</text:list-item>`).join("")}</text:list>` +
      `<table:table>${rows
        .map(
          (row) =>
            `<table:table-row>${row.map((cell) => `<table:table-cell>${p(cell)}</table:table-cell>`).join("")}</table:table-row>`,
        )
        .join("")}</table:table>`,
  );
  const names = ["office", "text", "table"].map(
    (name) => `xmlns:${name}="urn:oasis:names:tc:opendocument:xmlns:${name}:1.0"`,
  );
  const content =
    `<?xml version="1.0" encoding="UTF-8"?><office:document-content ${names.join(" ")}><office:body><office:text>` +
    `<text:h text:outline-level="1">${TITLE}</text:h>${body.join("")}</office:text></office:body></office:document-content>`;
  return zipSync({ mimetype: [strToU8(ODT_TYPE), { level: 0 }], "content.xml": strToU8(content) });
}
