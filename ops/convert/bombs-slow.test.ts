/** Files that are small and never end: their process ends by its limits, and whoever called it goes on. */
import { strToU8 } from "fflate";
import { expect, test } from "vitest";
import { convertFile } from "./convert-file.ts";

const convert = (html: string) => convertFile({ media_type: "text/html", bytes: strToU8(html) });

test.each([
  [
    "elements that a parser opens again and again",
    "<b><i>".repeat(600_000),
    /takes more than \d+ s|more memory|too deep/,
  ],
  ["more elements than its memory holds", "<a>a<p>".repeat(1_100_000), /takes more than \d+ s|more memory|too deep/],
])("%s", async (_, html, reason) => {
  expect(await convert(html)).toEqual({ refused: expect.stringMatching(reason) });
  expect(await convert("<h1>Next</h1>")).toMatchObject({ markdown: "# Next\n" });
});
