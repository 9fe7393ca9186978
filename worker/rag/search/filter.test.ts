import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { expect, test } from "vitest";
import { VECTOR_INDEX } from "../../../infra/inventory.ts";
import { compileFilter, indexedPart } from "../../../local/vectorize/filter.ts";
import { type Filter, filterSchema, filterToSql } from "./filter.ts";

const db = new DatabaseSync(":memory:");

/** Whether D1 (the same SQLite) lets a document with this metadata through. */
function sqlPasses(filter: Filter, metadata: object): boolean {
  const { sql, params } = filterToSql(filter, "d");
  const row = db
    .prepare(`SELECT ${sql} AS passes FROM (SELECT ? AS metadata) d`)
    .get(...params, JSON.stringify(metadata));
  return row?.passes === 1;
}

const INDEXES = VECTOR_INDEX.metadata_indexes.map(({ property, type }) => ({
  propertyName: property,
  indexType: type,
}));
function vectorizePasses(filter: Filter, metadata: Record<string, unknown>): boolean {
  return compileFilter(filter, INDEXES)(indexedPart(metadata, INDEXES));
}

// Few distinct values, so that equality happens; long ones that differ around byte 64 and outside the BMP.
const text = fc
  .oneof(
    fc.constantFrom("", "a", "b", "B", "é", "\uffee", "😀", "a'b\"c", "%_", "1", "true"),
    fc
      .tuple(fc.nat(3), fc.constantFrom("a", "é", "€", "😀"), fc.string({ unit: "grapheme", maxLength: 3 }))
      .map(
        ([shift, letter, tail]) => "x".repeat(shift) + letter.repeat(Math.floor(62 / Buffer.byteLength(letter))) + tail,
      ),
    fc.string({ unit: "grapheme", maxLength: 40 }),
  )
  .filter((value) => !value.includes("\0"));
const number = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 0.5, Number.MAX_SAFE_INTEGER, 1.5e-300, 1_767_225_600_000),
  fc.integer({ min: -3, max: 3 }),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .filter((value) => !Number.isInteger(value) || Number.isSafeInteger(value)),
);
const scalar = { string: text, number, boolean: fc.boolean() };

const metadata = fc.record(
  Object.fromEntries(
    VECTOR_INDEX.metadata_indexes.map(({ property, type }) => [
      property,
      fc.oneof(
        { weight: 8, arbitrary: scalar[type] as fc.Arbitrary<unknown> },
        fc.constantFrom(null, [1], { a: 1 }, "s", 1, true),
      ),
    ]),
  ),
  { requiredKeys: [] },
);

function conditions(type: keyof typeof scalar): fc.Arbitrary<unknown> {
  const value = scalar[type] as fc.Arbitrary<unknown>;
  const list = fc.array(value, { minLength: 1, maxLength: 4 });
  const equality = [
    value,
    ...["$eq", "$ne"].map((operator) => value.map((operand) => ({ [operator]: operand }))),
    ...["$in", "$nin"].map((operator) => list.map((operand) => ({ [operator]: operand }))),
  ];
  if (type === "boolean") return fc.oneof(...equality);
  const upper = fc.tuple(fc.constantFrom("$lt", "$lte"), value);
  const lower = fc.tuple(fc.constantFrom("$gt", "$gte"), value);
  return fc.oneof(
    ...equality,
    fc.oneof(upper, lower).map((bound) => Object.fromEntries([bound])),
    fc.tuple(upper, lower).map((bounds) => Object.fromEntries(bounds)),
  );
}
const filters = fc
  .subarray([...VECTOR_INDEX.metadata_indexes], { minLength: 1, maxLength: 2 })
  .chain((fields) => fc.record(Object.fromEntries(fields.map(({ property, type }) => [property, conditions(type)]))))
  .filter((filter) => filterSchema.safeParse(filter).success);

test("the text leg and the vector leg let the same metadata through a filter", () => {
  fc.assert(
    fc.property(filters, metadata, (raw, document) => {
      const filter = filterSchema.parse(raw);
      expect(sqlPasses(filter, document)).toBe(vectorizePasses(filter, document));
    }),
    { numRuns: 1500 },
  );
});

test("a document passes every filter that asks for exactly its own values", () => {
  fc.assert(
    fc.property(metadata, (document) => {
      const parsed = filterSchema.safeParse(document);
      fc.pre(parsed.success);
      expect(sqlPasses(parsed.data, document)).toBe(true);
      expect(vectorizePasses(parsed.data, document)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test("an absent field passes $ne and $nin and nothing else", () => {
  const cases: [Filter, boolean][] = [
    [{ author: { $ne: "a" } }, true],
    [{ author: { $nin: ["a"] } }, true],
    [{ author: { $eq: "" } }, false],
    [{ published_at_ms: { $lt: 1 } }, false],
    [{ archived: false }, false],
  ];
  for (const [filter, passes] of cases) {
    for (const document of [{}, { author: null, published_at_ms: "0", archived: 0 }]) {
      expect(sqlPasses(filter, document)).toBe(passes);
      expect(vectorizePasses(filter, document)).toBe(passes);
    }
  }
});

test("a string is cut to its first 64 bytes between code points", () => {
  expect(filterSchema.parse({ author: `x${"é".repeat(40)}` })).toEqual({ author: `x${"é".repeat(31)}` });
  expect(filterSchema.parse({ author: { $in: ["€".repeat(30)] } })).toEqual({ author: { $in: ["€".repeat(21)] } });
});

test.each([
  ["no field", {}],
  ["an array", []],
  ["an unknown field", { tenant: "a" }],
  ["a value of another type", { author: 1 }],
  ["an unknown operator", { author: { $regex: "a" } }],
  ["no operator", { author: {} }],
  ["null", { author: null }],
  ["an empty list", { author: { $in: [] } }],
  ["operators that do not combine", { published_at_ms: { $gt: 1, $ne: 2 } }],
  ["two upper bounds", { published_at_ms: { $lt: 1, $lte: 2 } }],
  ["a range of booleans", { archived: { $lt: true } }],
  ["a lone surrogate", { author: "\ud835" }],
  ["NUL", { author: "a\0b" }],
  ["2048 bytes of JSON or more", { author: { $in: new Array(40).fill("x".repeat(64)) } }],
])("a filter with %s is refused", (_, filter) => {
  expect(filterSchema.safeParse(filter).success).toBe(false);
});

test("no part of a filter reaches the SQL text", () => {
  fc.assert(
    fc.property(filters, (raw) => {
      const filter = filterSchema.parse(raw);
      const { sql, params } = filterToSql(filter, "d");
      expect(params).toHaveLength(sql.split("?").length - 1);
      expect(sql).not.toContain("a'b");
    }),
    { numRuns: 100 },
  );
});

test("whole numbers beyond 2^53 are refused, because the two legs would disagree about them", () => {
  expect(filterSchema.safeParse({ published_at_ms: 2 ** 53 }).success).toBe(false);
  expect(filterSchema.safeParse({ published_at_ms: { $gt: -(2 ** 60) } }).success).toBe(false);
});
