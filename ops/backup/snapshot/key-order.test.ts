import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { expect, test } from "vitest";
import { anyCell } from "../../d1/nasty-database.fixture.ts";
import { type Cell, encodeRow, MalformedText } from "../../d1/row-codec.ts";
import { compareKeys } from "./key-order.ts";

test("keys are ordered as SQLite orders them", () => {
  const database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE cells (place INTEGER, cell)");
  fc.assert(
    fc.property(fc.array(anyCell, { minLength: 2, maxLength: 20 }), (cells) => {
      database.exec("DELETE FROM cells");
      for (const [place, cell] of cells.entries()) {
        const isText = cell instanceof MalformedText;
        const insert = database.prepare(`INSERT INTO cells VALUES (?, ${isText ? "CAST(? AS TEXT)" : "?"})`);
        insert.run(place, isText ? cell.bytes : cell);
      }
      const sorted = database.prepare("SELECT place FROM cells ORDER BY cell, place").all();
      const at = (place: number): Cell[] => [cells[place] ?? null];
      const ours = cells.map((_, place) => place).sort((a, b) => compareKeys(at(a), at(b)) || a - b);
      expect(ours).toEqual(sorted.map(({ place }) => place));
    }),
    { numRuns: 200 },
  );
});

test("only equal keys compare as equal, but for -0.0 and 0", () => {
  fc.assert(
    fc.property(anyCell, anyCell, (a, b) => {
      if (compareKeys([a], [b]) !== 0 || typeof a !== typeof b || typeof a === "number") return;
      expect(encodeRow([a])).toEqual(encodeRow([b]));
    }),
  );
});
