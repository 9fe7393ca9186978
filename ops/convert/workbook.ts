/** Excel's workbooks (.xlsx): each sheet a table under its name. */
import type { RootContent } from "mdast";
import readWorkbook from "read-excel-file/universal";
import { CONVERT_CELLS_MAX } from "../limits.ts";
import { checkArchive } from "./archive.ts";
import { markdownOf, sheetOf } from "./markdown.ts";
import { type Parser, Refused } from "./parser.ts";

export const parseXlsx: Parser = async (bytes) => {
  checkArchive(bytes);
  const sheets = await readWorkbook(new Uint8Array(bytes).buffer);
  let cells = 0;
  const blocks = sheets.flatMap(({ sheet, data }): RootContent[] => {
    cells += data.reduce((sum, row) => sum + row.length, 0);
    if (cells > CONVERT_CELLS_MAX) throw new Refused(`has more than ${CONVERT_CELLS_MAX} cells; split it`);
    return sheetOf(
      sheet,
      data.map((row) => row.map(textOf)),
    );
  });
  return markdownOf(blocks);
};

/** A date without a time of day is one; numbers lose what binary fractions add. */
function textOf(cell: unknown): string {
  if (cell instanceof Date)
    return cell
      .toISOString()
      .replace(/T00:00:00\.000Z$/, "")
      .replace(".000Z", "Z");
  return typeof cell === "number" ? String(Number(cell.toPrecision(15))) : String(cell ?? "");
}
