/** Small files that would take all time and memory if they were let: each must be refused within the limits of a conversion. */
import excel from "exceljs";
import { strToU8, zipSync } from "fflate";

interface HostileFile {
  name: string;
  /** By its name, as a file of a folder. */
  file: string;
  make: () => Promise<Uint8Array> | Uint8Array;
}

const NESTED = 300_000;
const COPIES = 3_000_000;
const PAGES_IN_THEMSELVES = `%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2000>>endobj
trailer<</Root 1 0 R>>
%%EOF`;

const openDocument = (body: string) =>
  zipSync({
    "content.xml": strToU8(
      `<office:body xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="text">${body}</office:body>`,
    ),
  });

export const HOSTILE_FILES: readonly HostileFile[] = [
  { name: "a value in the last cell of a sheet", file: "sparse.xlsx", make: sparseWorkbook },
  {
    name: "elements in elements",
    file: "deep.odt",
    make: () => openDocument("<text:p>".repeat(NESTED) + "</text:p>".repeat(NESTED)),
  },
  {
    name: "a short paragraph three million times",
    file: "bomb.odt",
    make: () => openDocument("<text:p>word</text:p>".repeat(COPIES)),
  },
  { name: "tags that are opened again and again", file: "open.html", make: () => strToU8("<b><i>".repeat(NESTED)) },
  { name: "pages that hold themselves", file: "loop.pdf", make: () => strToU8(PAGES_IN_THEMSELVES) },
  { name: "commas alone", file: "wide.csv", make: () => strToU8(`${",".repeat(NESTED)}x\n`.repeat(20)) },
];

async function sparseWorkbook(): Promise<Uint8Array> {
  const workbook = new excel.Workbook();
  const sheet = workbook.addWorksheet("Sheet");
  sheet.addRow(["first"]);
  sheet.getCell("XFD1048576").value = "last";
  return new Uint8Array(await workbook.xlsx.writeBuffer());
}
