import fc from "fast-check";
import { expect, test } from "vitest";
import { anyCell } from "./nasty-database.fixture.ts";
import { type Cell, decodeRow, encodeRow, hashRow, MalformedText } from "./row-codec.ts";

const rows = fc.array(anyCell, { maxLength: 8 });

/** Buffer and Uint8Array hold the same. */
const plain = (cell: Cell) => {
  if (cell instanceof MalformedText) return { malformed: [...cell.bytes] };
  return cell instanceof Uint8Array ? { bytes: [...cell] } : cell;
};

test("a row survives its encoding, wherever in a buffer it stands", () => {
  fc.assert(
    fc.property(rows, rows, (before, row) => {
      const [head, tail] = [encodeRow(before), encodeRow(row)];
      const bytes = Buffer.concat([head, tail]);
      const decoded = decodeRow(bytes, head.length);
      expect(decoded.next).toBe(bytes.length);
      expect(encodeRow(decoded.row)).toEqual(tail);
      expect(decoded.row.map(plain)).toEqual(row.map(plain));
    }),
  );
});

test("the encoding is what its description says", () => {
  const row = [null, -2n, -0, "é\0", new MalformedText(Uint8Array.of(0xff)), Uint8Array.of(1, 2)];
  expect(encodeRow(row).toString("hex")).toBe(
    [
      "0006",
      "00",
      "01fffffffffffffffe",
      "028000000000000000",
      "0300000003c3a900",
      "0300000001ff",
      "04000000020102",
    ].join(""),
  );
  expect(hashRow(encodeRow([])).toString("hex")).toBe(
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
  );
});

test("types are part of a row: 1, 1.0, '1' and x'31' are four values", () => {
  const encoded = [1n, 1, "1", Buffer.from("1")].map((cell) => encodeRow([cell]).toString("hex"));
  expect(new Set(encoded).size).toBe(4);
});

test("bytes that are cut off or of another kind are refused", () => {
  fc.assert(
    fc.property(rows, fc.nat(), (row, at) => {
      const bytes = encodeRow(row);
      expect(() => decodeRow(bytes.subarray(0, at % bytes.length))).toThrow(RangeError);
    }),
  );
  expect(() => decodeRow(Buffer.from("00010900", "hex"))).toThrow("unknown tag 9 at byte 2");
});
