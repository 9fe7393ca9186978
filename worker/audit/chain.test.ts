import fc from "fast-check";
import { expect, test } from "vitest";
import { auditEntry } from "../ground/audit-entry.ts";
import { changesAreNamed, entryOf } from "./chain.fixture.ts";
import { canonicalJson } from "./chain.ts";

changesAreNamed(60, 40);

test("details have one canonical text, whatever the order of their keys, that JSON reads back", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const text = canonicalJson(value);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      expect(canonicalJson(JSON.parse(text))).toBe(text);
    }),
  );
  expect(canonicalJson({ b: 1, a: { "9": 1, "10": 2 } })).toBe('{"a":{"10":2,"9":1},"b":1}');
});

test("a report that could not be read back as it was is refused", () => {
  for (const wrong of [{ actor: "a\u0000" }, { subject: "\ud800" }, { actor: "" }, { id: "short" }, { action: "A" }])
    expect(auditEntry.safeParse({ ...entryOf(1), ...wrong }).success).toBe(false);
});
