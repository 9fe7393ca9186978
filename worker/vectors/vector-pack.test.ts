import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodePack, encodePack, PackError, readSlot, readVector, slotRange } from "./vector-pack.ts";

const MODEL = "@cf/baai/bge-small-en-v1.5";
const float = fc.float({ noNaN: true, noDefaultInfinity: true });
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString("hex"));
const packInput = fc.integer({ min: 1, max: 9 }).chain((dimensions) =>
  fc.record({
    embedding_model: fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((id) => id.isWellFormed()),
    dimensions: fc.constant(dimensions),
    entries: fc.array(
      fc.record({
        content_hash: hash,
        vector: fc.array(float, { minLength: dimensions, maxLength: dimensions }).map((v) => Float32Array.from(v)),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  }),
);

async function refusal(bytes: Uint8Array): Promise<string> {
  const error = await decodePack(bytes).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PackError);
  return error instanceof PackError ? error.reason : "";
}

describe("a vector pack", () => {
  test("gives back the model and every vector, bit for bit and in order", async () => {
    await fc.assert(
      fc.asyncProperty(packInput, async (input) => {
        const { key, bytes } = await encodePack(input);
        const pack = await decodePack(bytes);
        expect(pack).toMatchObject({ key, embedding_model: input.embedding_model, count: input.entries.length });
        for (const [slot, entry] of input.entries.entries()) {
          const { offset, length } = slotRange(input.dimensions, slot);
          expect(pack.entries[slot]?.content_hash).toBe(entry.content_hash);
          for (const read of [
            pack.entries[slot]?.vector,
            readSlot(bytes, slot),
            readVector(bytes.slice(offset, offset + length)),
          ])
            expect(read).toEqual(entry.vector);
        }
      }),
      { numRuns: 50 },
    );
  });

  test("is read the same from the middle of a bigger buffer", async () => {
    const { bytes } = await encodePack({ embedding_model: MODEL, dimensions: 2, entries: [entry(1, 2), entry(3, 4)] });
    const shifted = new Uint8Array(bytes.length + 8);
    shifted.set(bytes, 3);
    expect((await decodePack(shifted.subarray(3, 3 + bytes.length))).entries[1]?.vector).toEqual(Float32Array.of(3, 4));
  });

  test("has a key made of the model and the SHA-256 of its content, the same for the same content", async () => {
    const input = { embedding_model: MODEL, dimensions: 2, entries: [entry(1, 2)] };
    const { key } = await encodePack(input);
    expect(key).toMatch(/^packs\/cf-baai-bge-small-en-v1\.5\/[0-9a-f]{64}\.pack$/);
    expect((await encodePack(input)).key).toBe(key);
    expect((await encodePack({ ...input, entries: [entry(1, 2.5)] })).key).not.toBe(key);
  });

  test("with any bit flipped is refused", async () => {
    await fc.assert(
      fc.asyncProperty(packInput, fc.nat(), async (input, at) => {
        const { bytes } = await encodePack(input);
        const bit = at % (bytes.length * 8);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        await refusal(bytes);
      }),
      { numRuns: 100 },
    );
  });

  test("that is cut short or followed by other bytes is refused as truncated", async () => {
    await fc.assert(
      fc.asyncProperty(packInput, fc.nat(), async (input, at) => {
        const { bytes } = await encodePack(input);
        const cut = bytes.subarray(0, at % bytes.length);
        expect(await refusal(cut)).toBe(cut.length === 0 ? "not-a-pack" : "truncated");
        expect(await refusal(new Uint8Array([...bytes, 0]))).toBe("truncated");
      }),
      { numRuns: 50 },
    );
  });

  test("of a newer format is refused with the way out, other files as no pack", async () => {
    const { bytes } = await encodePack({ embedding_model: MODEL, dimensions: 2, entries: [entry(1, 2)] });
    bytes[8] = 2;
    await expect(decodePack(bytes)).rejects.toThrow(/version 2.*newer/s);
    expect(await refusal(new TextEncoder().encode("%PDF-1.7".padEnd(400)))).toBe("not-a-pack");
  });

  test("is not made from values that are no embedding", async () => {
    const good = { embedding_model: MODEL, dimensions: 2, entries: [entry(1, 2)] };
    const bad = [
      { ...good, entries: [] },
      { ...good, entries: [entry(1, Number.NaN)] },
      { ...good, entries: [entry(1, Number.POSITIVE_INFINITY)] },
      { ...good, entries: [entry(1, 2, 3)] },
      { ...good, entries: [{ content_hash: "ABC", vector: Float32Array.of(1, 2) }] },
      { ...good, dimensions: 1537 },
      { ...good, embedding_model: "" },
      { ...good, embedding_model: "m".repeat(201) },
    ];
    for (const input of bad) await expect(encodePack(input)).rejects.toMatchObject({ reason: "invalid-input" });
  });

  test("refuses a slot that it does not have", async () => {
    const { bytes } = await encodePack({ embedding_model: MODEL, dimensions: 2, entries: [entry(1, 2)] });
    for (const slot of [-1, 1, 0.5]) expect(() => readSlot(bytes, slot)).toThrow(/slots 0 to 0/);
  });
});

function entry(...values: number[]): { content_hash: string; vector: Float32Array } {
  return { content_hash: "0".repeat(64), vector: Float32Array.from(values) };
}
