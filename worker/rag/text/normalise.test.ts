import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../ground/digest.ts";
import { documentHash, normaliseText } from "./normalise.ts";

const anyText = fc.string({ unit: "binary", maxLength: 200 });

describe("normaliseText", () => {
  test("normalising twice changes nothing more", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const once = normaliseText(text);
        expect(normaliseText(once)).toBe(once);
      }),
    );
  });

  test("its result survives UTF-8 and holds no control character but tab and line feed", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff })), (units) => {
        const text = normaliseText(String.fromCharCode(...units));
        expect(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(new TextEncoder().encode(text))).toBe(
          text,
        );
        expect(text.replace(/[\t\n]/g, "")).not.toMatch(/\p{Cc}/u);
      }),
    );
  });

  test("no run of marks is longer than 30, whatever order, expansion or plane they come from", () => {
    const mark = fc.constantFrom(
      "\u0316",
      "\u0301",
      "\u0344",
      "\u0f71",
      "\u034f",
      "\u{1d165}",
      "\u{e0100}",
      "a",
      "\u0958",
    );
    fc.assert(
      fc.property(fc.array(mark, { maxLength: 150 }), (marks) => {
        const text = normaliseText(marks.join(""));
        expect(text).not.toMatch(/[\p{M}--\u034F]{31}/v);
        expect(text).toBe(text.normalize("NFC"));
        expect(normaliseText(text)).toBe(text);
      }),
    );
  });

  test("thirty marks on one letter stay as they are", () => {
    const text = `x${"\u0316".repeat(30)}`;
    expect(normaliseText(text)).toBe(text);
    expect(normaliseText(`${text}\u0316`)).toBe(`${text}\u034f\u0316`);
  });

  test("every kind of line ending becomes a line feed", () => {
    expect(normaliseText("a\r\nb\rc\u2028d\u0085e\n")).toBe("a\nb\nc\nd\ne\n");
  });

  test("composed and decomposed accents become the same text", () => {
    expect(normaliseText("Zu\u0308rich")).toBe(normaliseText("Zürich"));
    expect(normaliseText("u\u0000\u0308")).toBe("ü");
  });

  test("byte order marks go, joined emoji and indentation stay", () => {
    expect(normaliseText("\uFEFF  👩‍💻\n\n\tx  \n")).toBe("  👩‍💻\n\n\tx  \n");
  });
});

describe("documentHash", () => {
  const document = { title: "Restore", text: "one\ntwo", url: "https://a.example/x", metadata: { b: 1, a: "x" } };

  test("ignores line endings and the order of metadata keys", async () => {
    const same = { ...document, text: "one\r\ntwo", metadata: { a: "x", b: 1 } };
    expect(await documentHash(same)).toBe(await documentHash(document));
  });

  test("takes a missing url, format and metadata for null, markdown and none", async () => {
    const bare = { title: "t", text: "x" };
    const spelled = { ...bare, url: null, format: "markdown" as const, metadata: {} };
    expect(await documentHash(bare)).toBe(await documentHash(spelled));
  });

  test("is of an older scheme but for documents that hold files, whose chunks are others since", async () => {
    const framed = (scheme: string, text: string) => sha256(JSON.stringify([scheme, "markdown", "t", null, {}, text]));
    const image = `![](data:image/png;base64,${"iVBORw0KGgo".repeat(20)})`;
    expect(await documentHash({ title: "t", text: "x" })).toBe(await framed("prism-document-2", "x"));
    expect(await documentHash({ title: "t", text: image })).toBe(await framed("prism-document-3", image));
  });

  test("changes with every part of the document, and no part can pass for another", async () => {
    const variants = [
      document,
      { ...document, title: "Restores" },
      { ...document, text: "one\ntwo\n" },
      { ...document, url: null },
      { ...document, format: "text" as const },
      { ...document, metadata: { b: 1, a: "y" } },
      { ...document, metadata: { b: "1", a: "x" } },
      { ...document, title: `Restore","one`, text: "two" },
    ];
    const hashes = await Promise.all(variants.map(documentHash));
    expect(new Set(hashes).size).toBe(variants.length);
    for (const hash of hashes) expect(hash).toMatch(/^[0-9a-f]{64}$/);
  });
});
