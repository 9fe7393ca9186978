/** PDFs, page by page: what stands where, made into headings, paragraphs, lists and tables again (`page-layout.ts`). */
import type { RootContent } from "mdast";
import { getDocumentProxy } from "unpdf";
import { counted } from "../../worker/ground/counted.ts";
import { CONVERT_PAGES_MAX } from "../limits.ts";
import { headingOf, markdownOf } from "./markdown.ts";
import { blocksOf, bodySize, linesOf } from "./page-layout.ts";
import type { Line } from "./page-table.ts";
import { type Parser, Refused } from "./parser.ts";

/** As Workers AI has it. */
const PAGE_HEADING_LEVEL = 3;

export const parsePdf: Parser = async (bytes) => {
  const pdf = await getDocumentProxy(new Uint8Array(bytes), { isEvalSupported: false, verbosity: 0 }).catch(
    (error: unknown) => {
      if (error instanceof Error && error.name === "PasswordException")
        throw new Refused("is encrypted; save it without a password");
      throw error;
    },
  );
  if (pdf.numPages > CONVERT_PAGES_MAX)
    throw new Refused(`has ${counted(pdf.numPages, "page")}, at most ${CONVERT_PAGES_MAX} are read; split it`);
  const pages: Line[][] = [];
  for (let number = 1; number <= pdf.numPages; number += 1) {
    const page = await pdf.getPage(number);
    const { items } = await page.getTextContent();
    pages.push(linesOf(items.flatMap((item) => ("str" in item ? [item] : []))));
    page.cleanup();
  }
  const body = bodySize(pages.flat());
  const blocks = pages.flatMap((lines, index): RootContent[] => [
    headingOf(PAGE_HEADING_LEVEL, `Page ${index + 1}`),
    ...blocksOf(lines, body),
  ]);
  return markdownOf(blocks);
};
