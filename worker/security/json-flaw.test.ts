import fc from "fast-check";
import { expect, test } from "vitest";
import { jsonFlaw } from "./json-flaw.ts";

const bounds = (depth_max: number) => ({ depth_max, items_max: 1_000, keys_max: 64, values_max: 5_000 });

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

test("JSON that JavaScript wrote has no flaw at its own depth, and one at any lesser limit", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value, null, 1);
      fc.pre(!text.includes('"__proto__"'));
      const depth = depthOf(value);
      expect(jsonFlaw(text, bounds(depth))).toBeNull();
      if (depth > 0) expect(jsonFlaw(text, bounds(depth - 1))).not.toBeNull();
    }),
  );
});

test("a key given twice is found wherever it is, also when it is spelt with an escape", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.jsonValue(), (key, value) => {
      const [plain, json] = [JSON.stringify(key), JSON.stringify(value)];
      fc.pre(key !== "__proto__" && !json.includes('"__proto__"'));
      const escaped = `"${[...key].map((char) => [...Array(char.length)].map((_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, "0")}`).join("")).join("")}"`;
      expect(jsonFlaw(`[{${plain}:${json},${plain}:${json}}]`, bounds(100))?.detail).toContain("twice");
      expect(jsonFlaw(`[{${plain}:${json},${escaped}:${json}}]`, bounds(100))?.detail).toContain("twice");
      expect(jsonFlaw(`[{${plain}:${json}},{${plain}:${json}}]`, bounds(100))).toBeNull();
    }),
  );
});

test("the key __proto__ is refused, however it is spelt", () => {
  for (const key of ["__proto__", "\\u005f_proto__"]) {
    expect(jsonFlaw(`{"a": [{"${key}": 1}]}`, bounds(9))?.detail).toContain("__proto__");
  }
});

test("texts that are no JSON are left to the parser without an error", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'{}[]":,\\a ') }), (text) => void jsonFlaw(text, bounds(4))),
  );
});

test("an array or object is refused at its first item too many, wherever it is", () => {
  const array = (count: number) => JSON.stringify({ a: [Array(count).fill(1)] });
  const object = (count: number) =>
    JSON.stringify([Object.fromEntries(Array.from({ length: count }, (_, i) => [i, "a,b"]))]);
  expect(jsonFlaw(array(1_000), bounds(9))).toBeNull();
  expect(jsonFlaw(array(1_001), bounds(9))?.detail).toContain("more than 1000 items");
  expect(jsonFlaw(object(64), bounds(9))).toBeNull();
  expect(jsonFlaw(object(65), bounds(9))?.detail).toContain("more than 64 fields");
});

test("items and fields are counted over the whole text: many arrays are refused as one that is too long", () => {
  const arrays = (count: number) => JSON.stringify({ a: Array(count).fill([1, { b: 2, c: 3 }]) });
  expect(jsonFlaw(arrays(900), bounds(9))).toBeNull();
  expect(jsonFlaw(arrays(999), { ...bounds(9), values_max: 3_000 })?.detail).toContain("more than 3000 values");
});
