import { expect, test } from "vitest";
import { compileFilter, indexedPart } from "./filter.ts";
import type { MetadataIndex } from "./types.ts";

const INDEXES: MetadataIndex[] = [
  { propertyName: "author", indexType: "string" },
  { propertyName: "pandas.nice", indexType: "number" },
  { propertyName: "streamed", indexType: "boolean" },
];
const passes = (filter: unknown, metadata: Record<string, unknown>) =>
  compileFilter(filter, INDEXES)(indexedPart(metadata, INDEXES));

test.each([
  ["a bare value means $eq", { author: "a" }, true],
  ["$eq", { author: { $eq: "b" } }, false],
  ["$ne", { author: { $ne: "b" } }, true],
  ["$in", { author: { $in: ["b", "a"] } }, true],
  ["$nin", { author: { $nin: ["b", "a"] } }, false],
  ["$lt", { author: { $lt: "a" } }, false],
  ["$lte", { author: { $lte: "a" } }, true],
  ["$gt", { author: { $gt: "A" } }, true],
  ["$gte", { author: { $gte: "b" } }, false],
  ["a dot descends into objects", { "pandas.nice": 42 }, true],
  ["an upper and a lower bound combine", { "pandas.nice": { $gt: 41, $lte: 42 } }, true],
  ["several keys must all hold", { author: "a", streamed: true }, false],
  ["booleans equal themselves only", { streamed: { $ne: true } }, true],
  ["null equals what is absent", { author: null }, false],
])("%s", (_, filter, expected) => {
  expect(passes(filter, { author: "a", pandas: { nice: 42 }, streamed: false })).toBe(expected);
});

test("a string index covers the first 64 bytes, cut between code points", () => {
  expect(indexedPart({ author: "€".repeat(30) }, INDEXES)).toEqual({ author: "€".repeat(21) });
  expect(passes({ author: "€".repeat(40) }, { author: "€".repeat(30) })).toBe(true);
});

test("a value of another type than its index is not indexed", () => {
  expect(indexedPart({ author: 1, pandas: { nice: "42" }, streamed: "true" }, INDEXES)).toEqual({});
});

test("strings are ordered by code point, not by UTF-16 unit", () => {
  expect(passes({ author: { $gt: "\uffee" } }, { author: "😀" })).toBe(true);
});

test.each([
  ["a property without a metadata index", { title: "a" }],
  ["an empty filter", {}],
  ["an array", ["author"]],
  ["an empty key", { "": 1 }],
  ["a key that starts with $", { $or: [] }],
  ['a key with "', { 'a"b': 1 }],
  ["an unknown operator", { author: { $regex: "a" } }],
  ["operators that do not combine", { author: { $eq: "a", $ne: "b" } }],
  ["two upper bounds", { author: { $lt: "a", $lte: "b" } }],
  ["a range over booleans", { streamed: { $lt: true } }],
  ["an empty $in", { author: { $in: [] } }],
  ["an object in $in", { author: { $in: [{}] } }],
  ["2048 bytes of JSON", { author: "x".repeat(2048 - '{"author":""}'.length) }],
])("%s is refused", (_, filter) => {
  expect(() => compileFilter(filter, INDEXES)).toThrow(/invalid filter: /);
});
