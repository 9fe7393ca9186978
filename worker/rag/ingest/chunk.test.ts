import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { D1_VALUE_BYTES_MAX } from "../../../infra/cloudflare-limits.ts";
import { CHUNK_MAX_TOKENS, CHUNK_TARGET_TOKENS } from "../../limits.ts";
import { normaliseText } from "../text/normalise.ts";
import { estimateTokens } from "../text/tokens.ts";
import { type Chunk, chunkDocument } from "./chunk.ts";

const word = fc.constantFrom(
  "index",
  "the",
  "Vectorize",
  "naïve",
  "漢字かな交じり文。",
  "👩‍👩‍👧‍👦",
  "x.y",
  "É",
  "`code`",
  "|",
  "e.g.",
  "42",
);
const sentence = fc.array(word, { minLength: 1, maxLength: 14 }).map((words) => `${words.join(" ")}.`);
const prose = fc.array(sentence, { minLength: 1, maxLength: 60 }).map((sentences) => sentences.join(" "));
const codeLine = fc.constantFrom(
  "const a = 1;",
  "# not a heading",
  "",
  "- not an item",
  "| not | table |",
  "    deep",
  "~~~",
  "> q",
  "---",
);
const fence = fc
  .tuple(fc.constantFrom("```", "~~~~", "`````"), fc.array(codeLine, { minLength: 1, maxLength: 120 }))
  .map(([mark, lines]) => `${mark}ts\n${lines.join("\n").replaceAll(mark, "x")}\n${mark}`);
const table = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 90 })).map(([columns, rows]) => {
  const row = (cell: string): string => `|${` ${cell} |`.repeat(columns)}`;
  return [row("head"), row("---"), ...Array.from({ length: rows }, (_, i) => row(`cell ${i}`))].join("\n");
});
const heading = fc.tuple(fc.integer({ min: 1, max: 6 }), word).map(([level, title]) => `${"#".repeat(level)} ${title}`);
const setext = fc
  .tuple(fc.constantFrom("===", "---"), fc.constantFrom("Usage", "Naïve part"))
  .map(([u, t]) => `${t}\n${u}`);
const list = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 3 }), sentence), { minLength: 1, maxLength: 40 })
  .map((items) => items.map(([depth, item]) => `${"  ".repeat(depth)}- ${item}`).join("\n"));
const nestedFence = fc
  .tuple(list, fc.array(fc.constantFrom("ls -l", "", "# comment", "1. one"), { minLength: 1, maxLength: 20 }))
  .map(([items, lines]) => `${items}\n\n  \`\`\`sh\n${lines.map((line) => `  ${line}`).join("\n")}\n  \`\`\``);
const giant = fc
  .tuple(fc.constantFrom("x", "word ", "漢", "👩‍👩‍👧‍👦", "e\u0301", "."), fc.integer({ min: 500, max: 4000 }))
  .map(([unit, times]) => unit.repeat(times));

const wellFormed = fc.oneof(prose, fence, table, heading, setext, list, nestedFence, giant);
const document = fc.array(wellFormed, { maxLength: 14 }).map((blocks) => blocks.join("\n\n"));
/** Lines in any order: unclosed fences and comments, fences in fences, lazy lines, half tables, odd line endings. */
const soup = fc
  .array(
    fc.tuple(
      fc.oneof(
        {
          weight: 3,
          arbitrary: fc.constantFrom(
            "```",
            "~~~",
            "  ```js",
            "- ```",
            "> ```",
            "<!--",
            "-->",
            "<pre>",
            "---",
            "===",
            "",
            "",
            "",
          ),
        },
        {
          weight: 2,
          arbitrary: fc.constantFrom(
            "a | b",
            "--|--",
            "| x",
            "> quote",
            "- item",
            "1. one",
            "10. ten",
            "    code",
            "\ttab",
            "title: x",
          ),
        },
        sentence,
        heading,
        prose,
        giant,
        fc.string({ unit: "binary", maxLength: 40 }),
      ),
      fc.constantFrom("\n", "\n", "\n\n", "\r\n", "\r", ""),
    ),
    { maxLength: 40 },
  )
  .map((lines) => lines.flat().join(""));
const anyDocument = fc.oneof(document, soup);
const format = fc.constantFrom("markdown" as const, "text" as const, undefined);

function joined(chunks: readonly Chunk[]): string {
  return chunks.map((chunk) => chunk.text).join("");
}

function headings(text: string, title = ""): string[] {
  return chunkDocument({ text, title }, { target_tokens: 12, max_tokens: 60, min_tokens: 4 }).map((c) => c.heading);
}

describe("chunkDocument", () => {
  test("loses no text and adds none: the chunks joined are the normalised document, and offsets agree", () => {
    fc.assert(
      fc.property(anyDocument, format, (text, format) => {
        const normalised = normaliseText(text);
        const chunks = chunkDocument({ text, title: "", ...(format && { format }) });
        expect(joined(chunks)).toBe(normalised);
        for (const [index, chunk] of chunks.entries()) {
          expect(chunk.ordinal).toBe(index);
          expect(chunk.text).not.toBe("");
          expect(normalised.startsWith(chunk.text, chunk.start_offset)).toBe(true);
        }
      }),
    );
  });

  const base64 = fc.string({ unit: fc.constantFrom(..."ABCxyz019+/="), minLength: 64, maxLength: 20_000 });
  const image = base64.map((data) => `![An image](data:image/png;base64,${data})`);
  test("leaves the data of images out of what chunks say, and nothing else; their originals are the document", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(image, wellFormed), { maxLength: 8 }),
        fc.constantFrom(" ", "\n\n"),
        (parts, gap) => {
          const text = parts.join(gap);
          const normalised = normaliseText(text);
          const chunks = chunkDocument({ text, title: "" });
          const originals = chunks.map((chunk) => chunk.original ?? chunk.text);
          expect(originals.join("")).toBe(normalised);
          for (const [index, { start_offset }] of chunks.entries())
            expect(normalised.startsWith(originals[index] ?? "", start_offset)).toBe(true);
          expect(joined(chunks)).toBe(normalised.replace(/(;base64,)[\w+/=]+/g, "$1…"));
        },
      ),
    );
  });

  test("an image of 88 kB costs no more chunks than its words", () => {
    const page = (data: string): string => `# Page\n\nBefore.\n\n<img src="data:image/png;base64,${data}">\n\nAfter.\n`;
    const [only, ...more] = chunkDocument({ text: page("iVBORw0KGgo".repeat(8000)), title: "Page" });
    expect(more).toEqual([]);
    expect(only?.text).toBe(page("…"));
    const css = `.a { background: url(data:image/svg+xml;charset=utf-8,${"%3Csvg".repeat(30)}) }`;
    expect(chunkDocument({ text: css, title: "" })[0]?.text).toBe(
      ".a { background: url(data:image/svg+xml;charset=utf-8,…) }",
    );
    const line = "iVBORw0KGgo".repeat(7);
    for (const [written, shown] of [
      [`<img src="DATA:image/PNG;base64,${line}"> x`, '<img src="DATA:image/PNG;base64,…"> x'],
      [`<img src="data:image/png;base64,\n ${line}\n ${line}\n iVBO"> x`, '<img src="data:image/png;base64,…"> x'],
      [`a data:image/png;base64,${line}\n${line}\niVBORw==\nwords`, "a data:image/png;base64,…\nwords"],
      [`<data:text/html;charset="utf-8";base64,${line}> x`, '<data:text/html;charset="utf-8";base64,…> x'],
      [`url('data:image/svg+xml;utf8,<svg a="b"><path d="M 0 0"/></svg>') x`, "url('data:image/svg+xml;utf8,…') x"],
      [`url("data:image/svg+xml,%3csvg a='b c'%3e%3cg d='M(0)'/%3e%3c/svg%3e") x`, 'url("data:image/svg+xml,…") x'],
      [`a data:image/png;base64,${line} ${line} iVBORw==\nwords`, "a data:image/png;base64,…\nwords"],
    ] as const)
      expect(chunkDocument({ text: written, title: "" })).toMatchObject([{ text: shown, original: written }]);
    const short = "Write `data:text/plain;base64,SGVsbG8=` or data: a, b and metadata:,x.";
    expect(chunkDocument({ text: short, title: "" })).toMatchObject([{ text: short, original: null }]);
  });

  test("a chunk with all that it leaves out fits a value of D1", () => {
    const drawing = `data:image/svg+xml,<svg>${"一".repeat(400_000)}</svg>`;
    const text = `Left out: ${drawing} not left out: ${drawing}`;
    const originals = chunkDocument({ text, title: "" }).map((chunk) => chunk.original ?? chunk.text);
    expect(originals.join("")).toBe(text);
    expect(Math.max(...originals.map((original) => Buffer.byteLength(original)))).toBeLessThan(D1_VALUE_BYTES_MAX);
  });

  test("makes no chunk over the maximum and none that ends inside a character", () => {
    fc.assert(
      fc.property(anyDocument, (text) => {
        for (const chunk of chunkDocument({ text, title: "" })) {
          expect(chunk.token_count).toBeLessThanOrEqual(CHUNK_MAX_TOKENS);
          expect(chunk.token_count).toBe(estimateTokens(chunk.text));
          expect(chunk.text.isWellFormed()).toBe(true);
        }
      }),
    );
  });

  test("keeps code blocks and tables that fit whole, at the top level and inside lists", () => {
    const fits = (block: string): boolean => estimateTokens(`${block}\n\n`) <= CHUNK_MAX_TOKENS;
    fc.assert(
      fc.property(
        fc.array(fc.oneof(prose, heading, list, giant)),
        fc.oneof(fence, table).filter(fits),
        prose,
        (before, whole, after) => {
          const nested = whole.replace(/^(?=.)/gm, "  ");
          const parts = [...before, whole, `- item\n\n${nested}`, after];
          const chunks = chunkDocument({ text: parts.join("\n\n"), title: "" });
          expect(chunks.some((chunk) => chunk.text.includes(whole))).toBe(true);
          if (fits(nested)) expect(chunks.some((chunk) => chunk.text.includes(nested))).toBe(true);
        },
      ),
    );
  });

  test("cuts code and tables that do not fit at line ends only", () => {
    fc.assert(
      fc.property(fc.oneof(fence, table), fc.integer({ min: 20, max: 60 }), (block, max_tokens) => {
        const chunks = chunkDocument({ text: block, title: "" }, { target_tokens: 15, max_tokens, min_tokens: 5 });
        for (const chunk of chunks.slice(0, -1)) expect(chunk.text.endsWith("\n")).toBe(true);
      }),
    );
  });

  test("leaves all chunks but the last two as they were when text is appended", () => {
    fc.assert(
      fc.property(anyDocument, anyDocument, fc.constantFrom("", "\n", "\n\n"), (text, more, between) => {
        // The estimate of a very long run of punctuation changes with what touches it: excepted in chunk.ts.
        fc.pre(!/[.|]{100}/.test(text));
        // Appending to the last character can change that character (an accent joins it): that is another text.
        fc.pre(normaliseText(text + between + more).startsWith(normaliseText(text)));
        const before = chunkDocument({ text, title: "" });
        const after = chunkDocument({ text: text + between + more, title: "" });
        expect(after.slice(0, Math.max(0, before.length - 2))).toEqual(before.slice(0, -2));
      }),
      { numRuns: 300 },
    );
  });

  test("gives the same chunks for the same document", () => {
    fc.assert(
      fc.property(anyDocument, (text) => {
        expect(chunkDocument({ text, title: "" })).toEqual(chunkDocument({ text, title: "" }));
      }),
      { numRuns: 30 },
    );
  });

  test("names the path of headings, without the title, without marks, and not from inside code or comments", () => {
    const text = [
      "# Guide\n\nIntroduction to the whole guide in a few words.",
      "## `ops` [index](https://a.example) ##\n\nUpdates the index from folders and repositories.",
      "```sh\n# not a heading\n```\n\n<!--\n# nor this\n-->\n\nText after the code, in the same section.",
      "$$\n# of items\n$$\n\nText:\n$$ n =\n# of items $$\n\n$$ a $$\n\nText after the formulas.",
      "Repair\n------\n\nCompares the stores and repairs what differs.",
      "### Steps {#steps}\n\nRun the check first and read its report.",
    ].join("\n\n");
    expect([...new Set(headings(text, "Guide"))]).toEqual(["", "ops index", "Repair", "Repair › Steps"]);
  });

  test("keeps front matter as text but takes no heading from it", () => {
    const text = "---\nid: leaked-key\n# comment\nseverity: SEV-2\n---\n\n# Leaked key\n\nA key was published.\n";
    const [only] = chunkDocument({ text, title: "" });
    expect(only).toMatchObject({ text, heading: "Leaked key" });
  });

  test.each(['# comment first\n"title": x', "'a b': x\n# comment"])(
    "knows front matter by its first key, quoted or below a comment: %j",
    (lines) => {
      const text = `---\n${lines}\n---\n\n## Leaked key\n\nA key was published.\n`;
      expect(chunkDocument({ text, title: "" })).toMatchObject([{ text, heading: "Leaked key" }]);
    },
  );

  test("puts small sections together and names what they share", () => {
    const [only, ...more] = chunkDocument({ text: "# A\n\n## B\n\none\n\n## C\n\ntwo\n", title: "" });
    expect(more).toEqual([]);
    expect(only?.heading).toBe("A");
  });

  test("keeps a heading and an introducing line with what follows them", () => {
    const filler = "The service answers questions about its documents. ".repeat(22);
    const code = `\`\`\`sh\n${"npm run ops -- synthetic\n".repeat(24)}\`\`\``;
    const chunks = chunkDocument({ text: `${filler}\n\n### Run\n\nRun this:\n\n${code}\n`, title: "" });
    expect(chunks.map((chunk) => chunk.text.startsWith("### Run"))).toEqual([false, true]);
  });

  test("treats plain text as paragraphs: marks mean nothing", () => {
    const chunks = chunkDocument({ text: "# one\n\n# two\n", title: "", format: "text" });
    expect(chunks.map((chunk) => chunk.heading)).toEqual([""]);
  });

  test("has no chunk for an empty document, and fills chunks of a long one near the target", () => {
    expect(chunkDocument({ text: "\uFEFF", title: "x" })).toEqual([]);
    const long = chunkDocument({ text: "A sentence of some seven words here. ".repeat(2000), title: "" });
    for (const { token_count } of long.slice(0, -1)) expect(token_count).toBeGreaterThan(CHUNK_TARGET_TOKENS * 0.8);
  });
});
