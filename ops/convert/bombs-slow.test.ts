/** Files that are small and never end: their process ends by its limits, and whoever called it goes on. */
import { strToU8, zipSync } from "fflate";
import { expect, test } from "vitest";
import { mediaTypeOfName } from "../../worker/rag/ingest/file-type.ts";
import { convertFile } from "./convert-file.ts";

const convert = (name: string, bytes: Uint8Array) => convertFile({ media_type: mediaTypeOfName(name) ?? "", bytes });
const workbook = (sheet: string) =>
  zipSync({ "xl/workbook.xml": strToU8("<workbook/>"), "xl/worksheets/sheet1.xml": strToU8(sheet) });

test.each([
  [
    "elements that a parser opens again and again",
    "a.html",
    () => strToU8("<b><i>".repeat(600_000)),
    /processor time|more memory|too deep/,
  ],
  [
    "more elements than its memory holds",
    "a.html",
    () => strToU8("<a>a<p>".repeat(1_100_000)),
    /processor time|more memory|too deep/,
  ],
  ["cells that never end", "a.xlsx", () => workbook("<c ".repeat(3_000_000)), /more than 25 s of processor time/],
])("%s", async (_, name, make, reason) => {
  expect(await convert(name, make())).toEqual({ refused: expect.stringMatching(reason) });
  expect(await convert("b.html", strToU8("<h1>Next</h1>"))).toMatchObject({ markdown: "# Next\n" });
});
