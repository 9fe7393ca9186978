import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { ROWS_PART_BYTES_MAX } from "../../limits.ts";
import { decodeChanges, decodeRows, encodeChanges } from "./frames.ts";
import { RowCutter } from "./row-cutter.ts";
import { hashKey } from "./row-hashes.ts";

function cut(rows: readonly Buffer[]): Buffer[] {
  const cutter = new RowCutter();
  const parts = rows.map((row) => cutter.add(row, hashKey(row.subarray(0, 8))));
  return [...parts, cutter.rest()].filter((part) => part !== null);
}

test("parts hold all rows in order, and an insert moves only the cuts around it", () => {
  const rows = Array.from({ length: 20_000 }, () => randomBytes(900));
  const parts = cut(rows);
  expect(Buffer.concat(parts.flatMap((part) => [...decodeRows(part)])).equals(Buffer.concat(rows))).toBe(true);
  expect(Math.max(...parts.map(({ length }) => length))).toBeLessThan(ROWS_PART_BYTES_MAX * 1.01);
  const later = cut([...rows.slice(0, 50), randomBytes(900), ...rows.slice(50)]);
  const known = new Set(parts.map((part) => part.toString("base64")));
  expect(later.filter((part) => !known.has(part.toString("base64"))).length).toBeLessThanOrEqual(3);
});

test("changes come back with their rows, or as gone; bytes that end early are refused", () => {
  const changes = [
    { key: Buffer.from("a"), row: Buffer.from("") },
    { key: Buffer.from(""), row: null },
  ];
  const part = encodeChanges(changes);
  expect([...decodeChanges(part)]).toEqual(changes);
  expect(() => [...decodeChanges(part.subarray(0, part.length - 1))]).toThrow(RangeError);
  expect(() => [...decodeRows(Buffer.from([9, 0, 0, 0, 1]))]).toThrow(/ends after 5 bytes, inside a row/);
});
