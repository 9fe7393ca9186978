/** The process that one file is parsed in: bytes on its standard input, a line of JSON on its standard output. */
import { isScanned } from "../../worker/rag/ingest/paged-text.ts";
import { CONVERT_TEXT_CHARS_MAX } from "../limits.ts";
import { giveUpNetwork } from "./no-network.ts";
import { Refused } from "./parser.ts";
import { parserOf } from "./parsers.ts";

export type ParserAnswer = { markdown: string; peak_mb: number } | { refused: string };

/** Without its stack, which may quote the file. */
const REASON_CHARS_MAX = 200;

async function answer(media_type: string): Promise<ParserAnswer> {
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  try {
    const parse = await parserOf(media_type);
    giveUpNetwork();
    const markdown = (await parse(bytes)).trim();
    if (media_type === "application/pdf" && isScanned(markdown)) return { refused: SCANNED };
    if (markdown === "") return { refused: "holds no text" };
    if (markdown.length > CONVERT_TEXT_CHARS_MAX)
      return { refused: `holds ${markdown.length} characters, at most ${CONVERT_TEXT_CHARS_MAX} are read; split it` };
    return { markdown: `${markdown}\n`, peak_mb: Math.round(process.resourceUsage().maxRSS / 1024) };
  } catch (error) {
    if (error instanceof Refused) return { refused: error.message };
    if (error instanceof RangeError && /call stack/i.test(error.message)) return { refused: "is nested too deep" };
    const reason = error instanceof Error ? error.message : String(error);
    return { refused: `cannot be read (${reason.slice(0, REASON_CHARS_MAX)})` };
  }
}

const SCANNED =
  "has pages that are images and hold no text; run text recognition (OCR) over it first, such as ocrmypdf";

process.stdout.write(JSON.stringify(await answer(process.argv[2] ?? "")));
