import fc from "fast-check";
import { expect, test } from "vitest";
import { differenceOf } from "./document-difference.ts";

const content = { title: "T", url: null, format: "markdown", metadata: "{}" };
const lines: fc.Arbitrary<string[]> = fc.array(fc.constantFrom("a", "b", "c", ""), { minLength: 1, maxLength: 12 });

test("the lines that go, taken out where they begin and replaced by those that come, make the other text", () => {
  fc.assert(
    fc.property(lines, lines, (living, stored) => {
      const { fields, text } = differenceOf(
        { ...content, text: living.join("\n") },
        { ...content, text: stored.join("\n") },
        Number.POSITIVE_INFINITY,
      );
      expect(fields).toEqual(living.join("\n") === stored.join("\n") ? [] : ["text"]);
      if (text === null) return;
      expect(living.toSpliced(text.from_line - 1, text.goes.lines, ...text.comes.shown)).toEqual(stored);
    }),
  );
});

test("a field is named only where it differs, and of long texts only the first lines are shown", () => {
  const living = { ...content, text: "one\ntwo\nthree\nfour" };
  expect(differenceOf(living, { ...living, url: "https://example.com/" }, 1)).toEqual({ fields: ["url"], text: null });
  expect(differenceOf(living, { ...living, title: "U", text: "one\nzwei\ndrei\nfour" }, 1)).toEqual({
    fields: ["title", "text"],
    text: { from_line: 2, goes: { lines: 2, shown: ["two"] }, comes: { lines: 2, shown: ["zwei"] } },
  });
});
