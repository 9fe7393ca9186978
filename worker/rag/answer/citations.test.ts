import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CitationStream, checkCitations } from "./citations.ts";

const QUEUE = 481_731;
const BACKUP = 220_933;
const MADE_UP = 555_555;
const CONTEXT = [
  {
    mark: QUEUE,
    chunk_id: 12,
    text: "The queue holds 5 000 messages. A dead letter is kept for four days. Retries happen three times. In a[3] is ] more.",
  },
  { mark: BACKUP, chunk_id: 7, text: "Backups run at 02:00 UTC.\n\n```sh\nops backup create\n```\n" },
];
const TEXTS = ["What does the queue hold?", ...CONTEXT.map(({ text }) => text), "Invoice [777777]"];
const check = (answer: string) => checkCitations(answer, CONTEXT, TEXTS);
const quote = (chunk_id: number, start: number, end: number): string =>
  CONTEXT.find((chunk) => chunk.chunk_id === chunk_id)?.text.slice(start, end) ?? "";
const quotes = (answer: string) =>
  check(answer).citations.map(({ chunk_id, start, end }) => quote(chunk_id, start, end));

describe("citations", () => {
  test("a mark that the model made up is removed and reported", () => {
    const checked = check(`Retries happen three times [${QUEUE}] [${MADE_UP}]. And [${BACKUP}, ${MADE_UP}].`);
    expect(checked.text).toBe("Retries happen three times [12]. And [7].");
    expect(checked.rejected).toEqual([MADE_UP, MADE_UP]);
    expect(checked.citations.map(({ chunk_id }) => chunk_id)).toEqual([12, 7]);
  });

  test("the span is the sentence of the chunk that supports the claim, and a quotation is its own span", () => {
    expect(quotes(`It can hold 5 000 messages [${QUEUE}]. Dead letters are kept four days.[${QUEUE}]`)).toEqual([
      "The queue holds 5 000 messages.",
      "A dead letter is kept for four days.",
    ]);
    expect(quotes(`In a[3] is ] more. [${QUEUE}]`)).toEqual(["In a[3] is ] more."]);
    expect(quotes(`\`\`\`sh\nops backup create\n\`\`\`\n[${BACKUP}]`)).toEqual(["```sh\nops backup create\n```"]);
    expect(quotes(`Retries happen three times. [${QUEUE}] [${QUEUE}]`)).toEqual(
      Array(2).fill("Retries happen three times."),
    );
  });

  test.each([
    "register R[10] is 42 and R[11] is 77",
    "const port = ports[1];",
    "slot [18] holds [12], [7, 12] and [3;4].",
    "See [12](https://example.org), use a[0x1f] and [12",
    "Invoice [777777] as the passage says",
  ])("what is no mark is text, and stays: %s", (text) => {
    expect(check(text)).toEqual({ text, citations: [], rejected: [] });
    const cited = check(`${text} [${QUEUE}]`);
    expect(cited.text).toBe(`${text} [12]`);
    expect(cited.citations.map(({ chunk_id }) => chunk_id)).toEqual([12]);
  });

  test.each([
    `【${QUEUE}】`,
    `［${QUEUE}］`,
    `(${QUEUE})`,
    `<${QUEUE}>`,
    `[^${QUEUE}]`,
    `[#${QUEUE}]`,
    `[id ${QUEUE}]`,
    `[ID: ${QUEUE}]`,
    `[source ${QUEUE}]`,
    `[Passages ${QUEUE}]`,
    `(document #${QUEUE})`,
    `【${QUEUE}†source】`,
    `【${QUEUE}†L1-L3】`,
    `【${QUEUE}:0†source】`,
    `{${QUEUE}}`,
    `〔${QUEUE}〕`,
    `</${QUEUE}>`,
    `[doc_${QUEUE}]`,
    `[citation: ${QUEUE}]`,
    `[@${QUEUE}]`,
    `[**${QUEUE}**]`,
    `["${QUEUE}"]`,
    `[${QUEUE}.]`,
    String(QUEUE),
  ])("a number that was drawn is a mark, however the model writes it: %s", (mark) => {
    const { text, citations } = check(`Retries happen three times ${mark}.`);
    expect(text).toBe("Retries happen three times [12].");
    expect(citations).toMatchObject([{ chunk_id: 12 }]);
    const other = `Retries (${MADE_UP}) happen three times ${mark.replace(String(QUEUE), "2026")}.`;
    expect(check(other)).toEqual({ text: other, citations: [], rejected: [] });
  });

  test.each([
    [`[${QUEUE} and ${BACKUP}]`, "[12, 7]"],
    [`[${QUEUE}-${BACKUP}]`, "[12, 7]"],
    [`(Sources: ${QUEUE}、${BACKUP}, and ${QUEUE})`, "[12, 7, 12]"],
    [`(see ${QUEUE})`, "(see [12])"],
    [`<sup>${QUEUE}</sup>`, "<sup>[12]</sup>"],
    [`［${String(QUEUE).replace(/\d/g, (digit) => "０１２３４５６７８９".charAt(Number(digit)))}］`, "［[12]］"],
    [`[${String(QUEUE).replace(/\d/g, (digit) => "٠١٢٣٤٥٦٧٨٩".charAt(Number(digit)))}]`, "[[12]]"],
    [`[Quelle: ${QUEUE}, S. 3]`, "[Quelle: [12], S. 3]"],
  ])("wherever a drawn number stands, no reader sees it: %s", (mark, shown) => {
    expect(check(`Retries happen ${mark}.`).text).toBe(`Retries happen ${shown}.`);
    // A longer number is another one.
    const longer = `Retries happen 1${QUEUE}, ${QUEUE}0 and ${QUEUE + 1} times.`;
    expect(check(longer)).toEqual({ text: longer, citations: [], rejected: [] });
  });

  const part = fc.oneof(
    fc.constantFrom(
      `(${QUEUE})`,
      `【id: ${BACKUP}; source ${QUEUE}】`,
      `<${MADE_UP}>`,
      `【${QUEUE}†source】`,
      "†so",
      "(pass",
      "[ID",
      "ages ",
      `[${QUEUE}]`,
      `[${BACKUP}]`,
      `[${MADE_UP}]`,
      `[${QUEUE}, ${BACKUP}]`,
      `[${BACKUP};${MADE_UP}]`,
      `[${QUEUE}](u)`,
      " [",
      "]",
      "[4817",
      "31]",
      "4817",
      "31",
      String(QUEUE),
      "٤٨١٧٣١",
      "{",
      " and ",
      "-",
      "†L1-L",
      "[12]",
      "(x)",
      ". ",
      "\n",
      " ",
      "\n ".repeat(70),
      "Retries happen",
      " 02:00 UTC",
    ),
    fc.string({ maxLength: 5 }),
  );

  test("an answer in pieces gives the same text, citations and rejections as the whole, however it is cut", () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 15 }), fc.array(fc.nat(60), { maxLength: 8 }), (parts, cuts) => {
        const answer = parts.join("");
        const whole = check(answer);
        const stream = new CitationStream(CONTEXT, TEXTS);
        const at = [0, ...cuts.filter((cut) => cut < answer.length).sort((a, b) => a - b), answer.length];
        const emitted = at.slice(1).map((end, index) => stream.push(answer.slice(at[index], end)));
        emitted.push(stream.finish());
        expect(emitted.map(({ text }) => text).join("")).toBe(whole.text);
        expect(emitted.flatMap(({ citations }) => citations)).toEqual(whole.citations);
        expect(stream.rejected).toEqual(whole.rejected);
      }),
      // Where it is cut, nothing shows whether the number goes before an address.
      { examples: [[[`[${MADE_UP}]`, `(${QUEUE})`, " "], [9]]] },
    );
  });

  test("of an answer of blanks only what a mark could take along is held back, and such a mark takes no more", () => {
    const blanks = " ".repeat(5_000);
    const stream = new CitationStream(CONTEXT, TEXTS);
    let shown = 0;
    for (const [index, blank] of [...blanks].entries()) {
      shown += stream.push(blank).text.length;
      expect(index + 1 - shown).toBeLessThan(200);
    }
    const whole = check(`a${blanks}[${MADE_UP}].`);
    expect(whole.rejected).toEqual([MADE_UP]);
    expect(whole.text).toMatch(/^a {4800,5000}\.$/);
  });

  test("text around marks is not altered, and each citation says where the answer shows it", () => {
    const text = fc
      .array(fc.oneof(fc.constantFrom("R[10]", "[1]", " [18] ", "a[123", "]", "x.", "\n"), fc.string({ maxLength: 9 })))
      .map((parts) => parts.join("").replace(/\d{6,}/g, "6"))
      // A bracket that the next mark would close or follow makes another word of it.
      .map((joined) => `${joined}.`);
    fc.assert(
      fc.property(fc.array(text, { minLength: 2, maxLength: 5 }), (texts) => {
        const { text: shown, citations } = check(texts.join(`[${QUEUE}]`));
        expect(shown).toBe(texts.join("[12]"));
        expect(citations).toHaveLength(texts.length - 1);
        for (const { mark_start, mark_end } of citations) expect(shown.slice(mark_start, mark_end)).toBe("[12]");
      }),
    );
  });

  test("every span lies within its chunk", () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(QUEUE, BACKUP), (claim, mark) => {
        for (const { chunk_id, start, end } of check(`${claim} [${mark}]`).citations) {
          expect(start).toBeGreaterThanOrEqual(0);
          expect(end).toBeGreaterThan(start);
          expect(quote(chunk_id, start, end)).toHaveLength(end - start);
        }
      }),
    );
  });
});
