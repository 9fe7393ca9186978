import fc from "fast-check";
import { expect, test } from "vitest";
import { type Cell, encodeRow } from "../../d1/row-codec.ts";
import type { TableSummary } from "../manifest.ts";
import { findRows } from "./find-rows.ts";
import { encodeChanges, encodeRows } from "./frames.ts";
import { compareKeys } from "./key-order.ts";
import { readTable } from "./read-table.ts";

/** A table of `[key, value]` whose parts have `per_part` rows, and a reader that counts what it read. */
function stored(base: readonly Cell[], layers: readonly (readonly { key: Cell; gone: boolean }[])[], per_part: number) {
  const parts = new Map<string, Uint8Array>();
  const cut = <Item>(items: readonly Item[], encode: (some: Item[]) => Uint8Array): string[] => {
    const ids: string[] = [];
    for (let at = 0; at < items.length; at += per_part) {
      const id = `part ${parts.size}`;
      parts.set(id, encode(items.slice(at, at + per_part)));
      ids.push(id);
    }
    return ids;
  };
  const row = (key: Cell, value: string) => encodeRow([key, value]);
  const table: TableSummary = {
    ...{ name: "t", shape: "", columns: ["key", "value"], key: ["key"], rows: 0, digest: "", consistency: "exact" },
    ...{ ordered: true, hashes: [], base_bytes: 0, layer_bytes: 0 },
    base: cut(base, (keys) => encodeRows(keys.map((key) => row(key, "base")))),
    layers: layers.map((layer, index) =>
      cut(layer, (changes) =>
        encodeChanges(
          changes.map(({ key, gone }) => ({ key: encodeRow([key]), row: gone ? null : row(key, `layer ${index}`) })),
        ),
      ),
    ),
  };
  const read: string[] = [];
  const source = {
    readPart: async (id: string) => {
      read.push(id);
      return parts.get(id) ?? new Uint8Array();
    },
  };
  return { table, source, read };
}

const key = fc.oneof(fc.bigInt({ min: 0n, max: 40n }), fc.string({ maxLength: 2 }));
const inOrder = (a: Cell, b: Cell) => compareKeys([a], [b]);
const unique = { selector: (value: Cell) => encodeRow([value]).toString("latin1") };

test("rows found by their keys are those that reading the whole table gives, and no part is read twice", async () => {
  const base = fc.uniqueArray(key, { ...unique, maxLength: 30 }).map((keys) => keys.toSorted(inOrder));
  const layer = fc
    .uniqueArray(fc.record({ key, gone: fc.boolean() }), { selector: (one) => unique.selector(one.key), maxLength: 10 })
    .map((changes) => changes.toSorted((a, b) => inOrder(a.key, b.key)));
  const asked = fc.array(key, { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(
      base,
      fc.array(layer, { maxLength: 3 }),
      fc.integer({ min: 1, max: 5 }),
      asked,
      fc.boolean(),
      async (keys, layers, per_part, wanted, ordered) => {
        const { source, read, ...made } = stored(keys, layers, per_part);
        const table = { ...made.table, ordered };
        const whole = new Map<string, unknown>();
        for await (const rows of readTable(source, table))
          for (const row of rows) whole.set(unique.selector(row[0] ?? null), row);
        read.length = 0;
        const found = await findRows(
          source,
          table,
          wanted.map((one) => [one]),
        );
        expect(found).toEqual(wanted.map((one) => whole.get(unique.selector(one)) ?? null));
        expect(new Set(read).size).toBe(read.length);
      },
    ),
  );
});

test("one row of a long table costs the reading of a few of its parts", async () => {
  const keys = Array.from({ length: 1000 }, (_, index) => BigInt(index));
  const { source, table, read } = stored(keys, [], 1);
  expect(await findRows(source, table, [[713n]])).toEqual([[713n, "base"]]);
  expect(read.length).toBeLessThanOrEqual(10);
});
