import fc from "fast-check";
import { expect, test } from "vitest";
import { anyCell } from "../../d1/nasty-database.fixture.ts";
import { encodeRow, hashRow } from "../../d1/row-codec.ts";
import { TableHash } from "../../d1/table-hash.ts";
import { TableDigest } from "./table-digest.ts";

test("a digest carried on by hashes is the one of the rows that are there", () => {
  const rows = fc.array(fc.array(anyCell, { maxLength: 3 }), { maxLength: 8 });
  fc.assert(
    fc.property(rows, rows, rows, (before, gone, come) => {
      const known = new TableHash();
      for (const row of [...before, ...gone]) known.add(encodeRow(row));
      const carried = new TableDigest({ rows: known.count, digest: known.digest() });
      for (const row of gone) carried.remove(hashRow(encodeRow(row)));
      for (const row of come) carried.add(hashRow(encodeRow(row)));
      const expected = new TableHash();
      for (const row of [...before, ...come]) expected.add(encodeRow(row));
      expect([carried.rows, carried.digest]).toEqual([expected.count, expected.digest()]);
    }),
  );
});
