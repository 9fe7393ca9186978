/** A file's bytes to Markdown, in the process that calls: `convert-file.ts` does it in one of its own. */
import { isScanned } from "../../worker/rag/ingest/paged-text.ts";
import { CONVERT_TEXT_CHARS_MAX } from "../limits.ts";
import { Refused } from "./parser.ts";
import { parserOf } from "./parsers.ts";

/** What an error says may quote the file. */
const REASON_CHARS_MAX = 200;
const SCANNED =
  "has pages that are images and hold no text; run text recognition (OCR) over it first, such as ocrmypdf";

/** The text, or why there is none, completing "the file …". */
export async function parseFile(
  media_type: string,
  bytes: Uint8Array,
): Promise<{ markdown: string } | { refused: string }> {
  try {
    const parse = await parserOf(media_type);
    const markdown = (await parse(bytes)).trim();
    if (media_type === "application/pdf" && isScanned(markdown)) return { refused: SCANNED };
    if (markdown === "") return { refused: "holds no text" };
    if (markdown.length > CONVERT_TEXT_CHARS_MAX)
      return { refused: `holds ${markdown.length} characters, at most ${CONVERT_TEXT_CHARS_MAX} are read; split it` };
    return { markdown: `${markdown}\n` };
  } catch (error) {
    if (error instanceof Refused) return { refused: error.message };
    // Of the stack, of a string or of a buffer.
    if (error instanceof RangeError) return { refused: "is nested too deep, or too large; split it" };
    const reason = error instanceof Error ? error.message : String(error);
    return { refused: `cannot be read (${reason.slice(0, REASON_CHARS_MAX)})` };
  }
}
