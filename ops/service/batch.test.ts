import fc from "fast-check";
import { expect, test } from "vitest";
import { BATCH_BYTES, BATCH_DOCUMENTS } from "../limits.ts";
import { batches } from "./batch.ts";

const sized = (bytes: number, index: number) => ({ id: String(index), title: "", text: "x".repeat(bytes) });
const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

test("batches keep every document in order and stay within the number and the size of a request", () => {
  const sizes = fc.array(fc.oneof(fc.nat(2_000), fc.nat({ max: BATCH_BYTES })), { maxLength: 300 });
  fc.assert(
    fc.property(sizes, (lengths) => {
      const documents = lengths.map(sized);
      const made = [...batches(documents)];
      expect(made.flat()).toEqual(documents);
      for (const batch of made) {
        expect(batch.length).toBeLessThanOrEqual(BATCH_DOCUMENTS);
        const bytes = batch.reduce((sum, document) => sum + jsonBytes(document), 0);
        expect(batch.length === 1 || bytes <= BATCH_BYTES).toBe(true);
      }
    }),
    { numRuns: 20 },
  );
});

test("no documents are no request", () => {
  expect([...batches([])]).toEqual([]);
});
