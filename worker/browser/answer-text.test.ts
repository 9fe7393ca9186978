import fc from "fast-check";
import { expect, test } from "vitest";
import { answerParts, passagePieces } from "./answer-text.ts";

test("each mark becomes its passage's, and no character of the answer is lost or told twice", () => {
  const segment = fc.tuple(fc.string(), fc.nat(4));
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 8 }), fc.string(), (segments, tail) => {
      let written = "";
      const citations = segments.map(([text, chunk_id]) => {
        const mark = `[${chunk_id}]`;
        const mark_start = written.length + text.length;
        written += text + mark;
        return { chunk_id, mark_start, mark_end: mark_start + mark.length, quote: "" };
      });
      const passages = [0, 1, 2].map((chunk_id) => ({ chunk_id }));
      const parts = answerParts(written + tail, citations.toReversed(), passages);
      const again = parts.map((part) => (typeof part === "string" ? part : `[${part.index}]`)).join("");
      expect(again).toBe(written + tail);
      const known = citations.filter(({ chunk_id }) => chunk_id <= 2);
      expect(parts.filter((part) => typeof part !== "string")).toHaveLength(known.length);
    }),
  );
});

test("a passage's pieces are its text, and its quotes are marked, however they overlap", () => {
  fc.assert(
    fc.property(fc.string(), fc.array(fc.tuple(fc.nat(20), fc.nat(20))), (text, spans) => {
      const quotes = spans.map(([from, length]) => ({ quote: text.slice(from, from + length) }));
      const pieces = passagePieces(text, quotes);
      expect(pieces.map((piece) => piece.text).join("")).toBe(text);
      expect(pieces.some(({ is_cited }) => is_cited)).toBe(quotes.some(({ quote }) => quote !== ""));
    }),
  );
  expect(passagePieces("abc", [{ quote: "x" }])).toEqual([{ text: "abc", is_cited: false }]);
});
