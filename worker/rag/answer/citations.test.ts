import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CitationStream, checkCitations } from "./citations.ts";

const CONTEXT = [
  {
    chunk_id: 12,
    text: "The queue holds 5 000 messages. A dead letter is kept for four days. Retries happen three times.",
  },
  { chunk_id: 7, text: "Backups run at 02:00 UTC.\n\n```sh\nops backup create\n```\n" },
];
const quote = (chunk_id: number, start: number, end: number): string =>
  CONTEXT.find((chunk) => chunk.chunk_id === chunk_id)?.text.slice(start, end) ?? "";

describe("citations", () => {
  test("a citation of a chunk that the model was not given is removed and reported", () => {
    const checked = checkCitations("Retries happen three times [12] [99]. And [7, 98].", CONTEXT);
    expect(checked.text).toBe("Retries happen three times [12]. And [7].");
    expect(checked.rejected).toEqual([99, 98]);
    expect(checked.citations.map(({ chunk_id }) => chunk_id)).toEqual([12, 7]);
  });

  test("the span is the sentence of the chunk that supports the claim", () => {
    const { citations } = checkCitations(
      "It can hold 5 000 messages [12]. Dead letters are kept four days.[12]",
      CONTEXT,
    );
    expect(citations.map(({ chunk_id, start, end }) => quote(chunk_id, start, end))).toEqual([
      "The queue holds 5 000 messages.",
      "A dead letter is kept for four days.",
    ]);
  });

  test("links, arrays in code and open brackets are not citations", () => {
    const text = "See [12](https://example.org), use a[0x1f] and [12";
    expect(checkCitations(text, CONTEXT)).toEqual({ text, citations: [], rejected: [] });
  });

  test("an answer in pieces gives the same text, citations and rejections as the whole, however it is cut", () => {
    const part = fc.oneof(
      fc.constantFrom(
        "[12]",
        "[7]",
        "[99]",
        "[12, 7]",
        "[7;99]",
        " [",
        "]",
        "[1",
        "2]",
        "(x)",
        ". ",
        "\n",
        " ",
        "Retries happen",
        " 02:00 UTC",
        "[12](u)",
      ),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 15 }), fc.array(fc.nat(40), { maxLength: 8 }), (parts, cuts) => {
        const answer = parts.join("");
        const whole = checkCitations(answer, CONTEXT);
        const stream = new CitationStream(CONTEXT);
        const at = [0, ...cuts.filter((cut) => cut < answer.length).sort((a, b) => a - b), answer.length];
        const emitted = at.slice(1).map((end, index) => stream.push(answer.slice(at[index], end)));
        emitted.push(stream.finish());
        expect(emitted.map(({ text }) => text).join("")).toBe(whole.text);
        expect(emitted.flatMap(({ citations }) => citations)).toEqual(whole.citations);
        expect(stream.rejected).toEqual(whole.rejected);
      }),
    );
  });

  test("every span lies within its chunk", () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(12, 7), (claim, id) => {
        for (const { chunk_id, start, end } of checkCitations(`${claim} [${id}]`, CONTEXT).citations) {
          expect(start).toBeGreaterThanOrEqual(0);
          expect(end).toBeGreaterThan(start);
          expect(quote(chunk_id, start, end)).toHaveLength(end - start);
        }
      }),
    );
  });
});
