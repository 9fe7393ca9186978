import fc from "fast-check";
import { expect, test } from "vitest";
import { VECTOR_INDEX } from "../../infra/inventory.ts";
import { embedLexical } from "./lexical-embedder.ts";

const similarity = (a: string, b: string): number => {
  const [x = new Float32Array(), y = new Float32Array()] = embedLexical([a, b]);
  return x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
};

test("any text becomes a unit vector of the index's dimensions, or zeros if it is blank", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
      const [vector = new Float32Array()] = embedLexical([text]);
      expect(vector).toHaveLength(VECTOR_INDEX.dimensions);
      const length = Math.hypot(...vector);
      expect(Math.abs(length - (text.trim() === "" ? 0 : 1))).toBeLessThan(1e-5);
    }),
    { examples: [["a"], ["to be or not to be"], ["?"], ["😀"], [" "]] },
  );
});

test("a text's vector does not depend on what was embedded with it or before", () => {
  const [alone] = embedLexical(["rotate the leaked key"]);
  const [, beside] = embedLexical(["something else entirely", "rotate the leaked key"]);
  expect(beside).toEqual(alone);
});

test("inflections and misspellings are nearer than other words, and word order does not matter", () => {
  expect(similarity("rotating keys", "rotate a key")).toBeGreaterThan(0.95);
  expect(similarity("aeroelasticity of wings", "aero-elastic wing")).toBeGreaterThan(
    similarity("aeroelasticity of wings", "queue backlog"),
  );
  expect(similarity("vectroize index", "vectorize index")).toBeGreaterThan(
    similarity("database index", "vectorize index"),
  );
  expect(similarity("backlog of the queue", "the queue backlog")).toBeCloseTo(1, 5);
});
