import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CHUNK_MAX_TOKENS, CHUNK_SYMBOLS_CHARS_MAX } from "../../limits.ts";
import { normaliseText } from "../text/normalise.ts";
import { chunkDocument } from "./chunk.ts";
import { outlineByIndentation } from "./code-outline.ts";

const codeLine = fc.oneof(
  fc.constantFrom(
    "class Packer {",
    "export async function add(piece: Piece): void {",
    "def finish(self):",
    "func (r *Recv) Method() error {",
    "impl<T> Trait for Packer {",
    "public static int size() {",
    "/* a comment",
    "*/",
    "// note",
    "# note",
    "@decorated",
    "}",
    "});",
    "",
    "",
    "MAX_TOKENS: int = 3",
    "return maxTokens;",
    '  """doc"""',
  ),
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.integer({ min: 1, max: 3_000 }).map((times) => "x1 = ".repeat(times)),
);
const source = fc
  .array(fc.tuple(fc.constantFrom("", "  ", "    ", "\t", "        "), codeLine, fc.constantFrom("\n", "\n", "\r\n")), {
    maxLength: 80,
  })
  .map((lines) => lines.flat().join(""));
const symbol = fc.oneof(fc.constantFrom("", "Packer", "Packer.add", "a, b"), fc.string({ maxLength: 160 }));
const outline = fc
  .uniqueArray(fc.integer({ min: 1, max: 120 }), { maxLength: 40 })
  .chain((lines) =>
    fc.tuple(...lines.toSorted((a, b) => a - b).map((line) => fc.record({ line: fc.constant(line), symbol }))),
  );
const anyOutline = fc.option(outline, { nil: undefined });
const code = (text: string, given?: { line: number; symbol: string }[]) =>
  chunkDocument({ text, title: "a.ts", format: "code", outline: given });

describe("code in chunks", () => {
  test("loses no text and adds none, in order, whatever the code and its outline", () => {
    fc.assert(
      fc.property(source, anyOutline, (text, given) => {
        const chunks = code(text, given);
        expect(chunks.map((chunk) => chunk.text).join("")).toBe(normaliseText(text));
        expect(chunks.map(({ ordinal }) => ordinal)).toEqual([...chunks.keys()]);
      }),
    );
  });

  test("keeps every chunk and every heading within its bound", () => {
    fc.assert(
      fc.property(source, anyOutline, (text, given) => {
        for (const { token_count, heading } of code(text, given)) {
          expect(token_count).toBeLessThanOrEqual(CHUNK_MAX_TOKENS);
          expect(heading.length).toBeLessThanOrEqual(CHUNK_SYMBOLS_CHARS_MAX);
        }
      }),
    );
  });

  test("an outline by indentation has ascending lines of the text, each once", () => {
    fc.assert(
      fc.property(source, (text) => {
        const lines = outlineByIndentation(normaliseText(text)).map(({ line }) => line);
        expect(lines).toEqual([...new Set(lines)].toSorted((a, b) => a - b));
        expect(lines.at(-1) ?? 1).toBeLessThanOrEqual(normaliseText(text).split("\n").length);
      }),
    );
  });

  const body = (lines: number): string => "  total = total + price_of(item) * rate;\n".repeat(lines);

  test("begins at declarations and is headed by their names; a long one goes on under its name", () => {
    const text = `const RATE = 2;\n\n// Sums up.\nfunction total() {\n${body(8)}}\n\nfunction other() {\n${body(60)}}\n`;
    const chunks = code(text);
    expect(chunks.map(({ heading }) => heading)).toEqual(
      ["RATE, total", "other", ...Array(4).fill("other …")].slice(0, chunks.length),
    );
    expect(chunks[1]?.text.startsWith("function other")).toBe(true);
    expect(chunks.length).toBeGreaterThan(2);
  });

  test("no name is cut inside of a character", () => {
    // Letters of two code units each, at an even place and at an odd one.
    for (const name of ["𝒜".repeat(90), `a${"𝒜".repeat(90)}`])
      for (const { symbol } of outlineByIndentation(`class ${name}:\n    def of_it(self):\n        pass\n`)) {
        expect(symbol.isWellFormed()).toBe(true);
        expect(symbol.length).toBeGreaterThanOrEqual(159);
      }
  });

  test("a declaration below a long comment is headed by its name, as the comment is", () => {
    const text = `${"// Says at length what it is for and when it should be called.\n".repeat(40)}function total() {\n${body(8)}}\n`;
    const named = code(text).filter(({ heading }) => heading === "total");
    expect(named.map((chunk) => chunk.text.includes("function total"))).toEqual([false, true]);
  });

  test("a given outline decides, with what stands before its first line and outside of declarations under no name", () => {
    const text = `import x;\n${body(8)}${body(8)}${body(8)}`;
    const given = [
      { line: 10, symbol: "A.b" },
      { line: 18, symbol: "" },
      { line: 900, symbol: "Nowhere" },
    ];
    expect(code(text, given).map(({ heading }) => heading)).toEqual(["", "A.b", ""]);
  });
});

describe("outlineByIndentation", () => {
  const symbols = (text: string): string[] => outlineByIndentation(text).map(({ line, symbol }) => `${line} ${symbol}`);

  test.each([
    [
      "TypeScript",
      'import x from "x";\n\n/** About A. */\nexport class A<T> extends B {\n  private n = 1;\n  /** m */\n  async m(): Promise<void> {\n    if (x) run();\n  }\n}\nexport const f = () => {\n  const inner = 1;\n};\nexport default interface I {}\n',
      ["1 ", "3 A", "6 A.m", "11 f", "14 I"],
    ],
    [
      "Python",
      "import x\n\n# About A\n@dec\nclass A(B):\n    X = 1\n    def f(self):\n        y = 1\n    @property\n    async def g(self): pass\n\nLIMIT: int = 3\ndef h(): pass\n",
      ["1 ", "3 A", "6 A.X", "7 A.f", "9 A.g", "12 LIMIT", "13 h"],
    ],
    [
      "Go",
      "package a\n\n// Close closes.\nfunc (r *Recv) Close(a int) error {\n\treturn nil\n}\n\ntype S struct {\n\tA int\n}\nconst X = 1\n",
      ["1 ", "3 Close", "8 S", "11 X"],
    ],
    [
      "Rust",
      "use a::b;\n\n/// doc\n#[derive(Debug)]\npub struct S<T> { a: T }\nimpl<T> Tr for S<T> {\n    fn m(&self) {}\n}\npub(crate) fn free() {}\nmacro_rules! mm { () => {} }\n",
      ["1 ", "3 S", "6 Tr", "7 Tr.m", "9 free", "10 mm"],
    ],
    [
      "Java",
      "package p;\n\n/** doc */\n@Ann\npublic class A {\n    A() {}\n    public <T> void m(T t) {\n        call(t);\n    }\n    static class In {\n        void n() {}\n    }\n}\n",
      ["1 ", "3 A", "6 A.A", "7 A.m", "10 A.In", "11 A.In.n"],
    ],
    [
      "C",
      "#include <a.h>\n\n/* Sums. */\nstatic int sum(int a,\n               int b)\n{\n  return a + b;\n}\n",
      ["3 sum"],
    ],
  ])("finds the declarations of %s with the comments above them", (_language, text, expected) => {
    expect(symbols(text)).toEqual(expected);
  });
});
