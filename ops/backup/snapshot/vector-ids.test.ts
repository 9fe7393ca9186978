import fc from "fast-check";
import { expect, test } from "vitest";
import type { Table } from "../../d1/schema.ts";
import { VectorIds } from "./vector-ids.ts";

const chunks: Table = {
  name: "chunks",
  sql: "",
  columns: ["id", "pack_id"].map((name) => ({ name, is_textual: false })),
  key: ["id"],
  foreign_keys: [],
  is_cascading: false,
  is_logged: true,
  is_full_text: false,
};

test("ids are those of the rows with a pack, whatever came and went, and survive as runs", () => {
  const id = fc.integer({ min: 0, max: 70_000 });
  const steps = fc.array(fc.tuple(id, fc.constantFrom("pack", "none", "gone")));
  fc.assert(
    fc.property(fc.uniqueArray(id), steps, (known, changes) => {
      const model = new Set(known);
      const first = VectorIds.of([chunks], []);
      first?.see(
        chunks,
        known.map((one) => [BigInt(one), 1n]),
      );
      const ids = VectorIds.of([chunks], first?.ranges() ?? []);
      for (const [one, change] of changes) {
        if (change === "gone") ids?.forget(chunks, [BigInt(one)]);
        else ids?.see(chunks, [[BigInt(one), change === "pack" ? 7n : null]]);
        if (change === "pack") model.add(one);
        else model.delete(one);
      }
      expect([...(ids?.ids() ?? [])]).toEqual([...model].sort((a, b) => a - b));
      expect(ids?.count).toBe(model.size);
    }),
  );
});
