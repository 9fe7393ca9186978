/** Which parser reads which kind of file. Each is loaded on use: a process reads one file. */
import { FILE_KINDS } from "../../worker/rag/ingest/file-type.ts";
import { type Parser, Refused } from "./parser.ts";

const BY_EXTENSION: Readonly<Record<string, () => Promise<Parser>>> = {
  ".html": async () => (await import("./web-page.ts")).parseHtml,
  ".csv": async () => (await import("./table-text.ts")).parseCsv,
  ".pdf": async () => (await import("./pdf.ts")).parsePdf,
  ".docx": async () => (await import("./word.ts")).parseDocx,
  ".xlsx": async () => (await import("./workbook.ts")).parseXlsx,
  ".pptx": async () => (await import("./slides.ts")).parsePptx,
  ".odt": async () => (await import("./open-document.ts")).parseOpenDocument,
  ".ods": async () => (await import("./open-document.ts")).parseOpenDocument,
  ".odp": async () => (await import("./open-document.ts")).parseOpenDocument,
  ".epub": async () => (await import("./book.ts")).parseEpub,
};

/** @throws Refused for a kind that is not parsed. */
export async function parserOf(media_type: string): Promise<Parser> {
  const [extension = ""] = FILE_KINDS[media_type]?.extensions ?? [];
  const load = BY_EXTENSION[extension];
  if (load === undefined) throw new Refused(`is ${media_type}, which is not converted`);
  return load();
}
