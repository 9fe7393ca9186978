import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { units } from "./sentences.ts";

const cut = (text: string): string[] => units(text).map(({ start, end }) => text.slice(start, end));
const trimmed = (text: string): string[] => cut(text).map((piece) => piece.trim());

describe("units", () => {
  test("tile any text: joined, they are the text", () => {
    const line = fc.constantFrom(
      "One. Two! Three? ",
      "- item one. Still item one.\n",
      "  - nested\n",
      "```\ncode. Not a sentence.\n```\n",
      "~~~\n",
      "```\n\n",
      "| a | b |\n|---|---|\n| 1. | 2. |\n",
      "# Heading\n",
      "\n",
      "> quoted. Twice.\n",
      "Dr. Who vs. the U.S. e.g. 3.5\n",
      "你好。再见！",
      `${"a long clause, and ".repeat(30)}end. `,
    );
    const text = fc.array(fc.oneof({ weight: 3, arbitrary: line }, fc.string({ unit: "binary" })), { maxLength: 12 });
    fc.assert(
      fc.property(text, (parts) => {
        const whole = parts.join("");
        expect(cut(whole).join("")).toBe(whole);
      }),
    );
  });

  test("sentences end at full stops, not at abbreviations, initials and decimals", () => {
    expect(trimmed("Dr. J. R. Smith paid 3.50 to the U.S. Treasury, e.g. on Jan. 5. He left.")).toEqual([
      "Dr. J. R. Smith paid 3.50 to the U.S. Treasury, e.g. on Jan. 5.",
      "He left.",
    ]);
    expect(trimmed('"Stop!" she said. "Why?" He ran.')).toEqual(['"Stop!" she said.', '"Why?"', "He ran."]);
    expect(trimmed("これは文です。次の文です。")).toEqual(["これは文です。", "次の文です。"]);
  });

  test("a single capital ends a sentence where no name follows it, as a unit or a label does", () => {
    expect(trimmed("It draws 2200 W. The cord is short. Choose plan B. It is slow.")).toEqual([
      "It draws 2200 W.",
      "The cord is short.",
      "Choose plan B.",
      "It is slow.",
    ]);
    for (const name of ["George F. Will wrote it.", "It was J. A. Smith.", "A. To-Lin wrote it.", "Ask E. E. Doe."])
      expect(trimmed(name)).toEqual([name]);
  });

  test("code blocks and tables stay whole, list items are one unit each", () => {
    const text = [
      "Do this. Then that.\n",
      "```sh\nnpm start. # Then wait.\n\nnpm test\n```\n",
      "- first item. With two sentences.\n- second\n\n",
      "| a | b |\n|---|---|\n| Yes. No. | x |\n",
    ].join("\n");
    expect(units(text).map(({ kind }) => kind)).toEqual(["prose", "prose", "code", "item", "item", "table"]);
  });

  test("the end of a code block that began in an earlier chunk is code, and what follows is read as it stands", () => {
    const text =
      "# not a heading. But a comment.\nvalue: 1\n```\n\nProse follows. And more:\n\n```sh\nnpm start\n```\n";
    expect(units(text).map(({ kind }) => kind)).toEqual(["code", "prose", "prose", "code"]);
  });

  test("a code block that ends in a later chunk is code to the end", () => {
    const text = "Write this:\n\n```\nvalue: 1\n";
    expect(units(text).map(({ kind }) => kind)).toEqual(["prose", "code"]);
  });

  test("sentences over 300 characters are cut at clauses", () => {
    const clause =
      "the committee that had met in the spring of that year to weigh the question at length decided nothing";
    const pieces = trimmed(`At first ${clause}, but ${clause}; later ${clause}.`);
    expect(pieces).toHaveLength(3);
    expect(pieces[1]).toMatch(/^but .*;$/);
  });
});
