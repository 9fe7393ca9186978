/** Word's documents (.docx). */
import mammoth from "mammoth";
import { checkArchive } from "./archive.ts";
import { markdownOfHtml } from "./markdown.ts";
import type { Parser } from "./parser.ts";

/** mammoth knows the headings; the document's title is one as well. */
const STYLES = ["p[style-name='Title'] => h1:fresh", "p[style-name='Subtitle'] => p:fresh"];

export const parseDocx: Parser = async (bytes) => {
  checkArchive(bytes);
  const noPictures = mammoth.images.imgElement(async () => ({ src: "" }));
  const { value } = await mammoth.convertToHtml(
    { buffer: Buffer.from(bytes) },
    { styleMap: STYLES, convertImage: noPictures },
  );
  return markdownOfHtml(value);
};
