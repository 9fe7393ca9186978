import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonFlaw } from "./json-flaw.ts";

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

test("JSON that JavaScript wrote has no flaw at its own depth, and one at any lesser limit", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value, null, 1);
      const depth = depthOf(value);
      expect(jsonFlaw(text, depth)).toBeNull();
      if (depth > 0) expect(jsonFlaw(text, depth - 1)).not.toBeNull();
    }),
  );
});

test("a key given twice is found wherever it is, also when it is spelt with an escape", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.jsonValue(), (key, value) => {
      const [plain, json] = [JSON.stringify(key), JSON.stringify(value)];
      const escaped = `"${[...key].map((char) => [...Array(char.length)].map((_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, "0")}`).join("")).join("")}"`;
      expect(jsonFlaw(`[{${plain}:${json},${plain}:${json}}]`, 100)?.detail).toContain("twice");
      expect(jsonFlaw(`[{${plain}:${json},${escaped}:${json}}]`, 100)?.detail).toContain("twice");
      expect(jsonFlaw(`[{${plain}:${json}},{${plain}:${json}}]`, 100)).toBeNull();
    }),
  );
});

test("texts that are no JSON are left to the parser without an error", () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'{}[]":,\\a ') }), (text) => void jsonFlaw(text, 4)));
});
