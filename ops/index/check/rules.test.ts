/** What a chunk must agree with, over every combination of faults: each is told, and nothing else. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { tenantTerm } from "../../../worker/ground/tenant-term.ts";
import type { Kind } from "./kinds.ts";
import { type ChunkFacts, type PackFacts, placeDisparity, rowDisparities, vectorDisparities } from "./rules.ts";

const ASKED = { vector_space: "model", dimensions: 3 };
const SOUND: ChunkFacts = {
  tenant: "a",
  tenant_term: tenantTerm("a"),
  title: "title",
  document_title: "title",
  is_listed: true,
  content_hash: "hash",
  actual_hash: "hash",
  place: { slot: 1, model: "model", dimensions: 3 },
  is_owed: false,
};
const PACK: PackFacts = { content_hashes: ["other", "hash"] };
const some = <T>(faults: readonly T[]) => fc.subarray([...faults]);

test("rows: every set of faults is told by its kinds", () => {
  const faults = [
    ["chunk-title", { document_title: "another" }],
    ["chunk-tenant", { tenant_term: tenantTerm("b") }],
    ["chunk-content", { actual_hash: "another" }],
  ] as const;
  fc.assert(
    fc.property(some(faults), fc.boolean(), (chosen, is_listed) => {
      const chunk = Object.assign({ ...SOUND, is_listed }, ...chosen.map(([, change]) => change));
      const kinds: Kind[] = is_listed ? chosen.map(([kind]) => kind) : ["chunk-unlisted"];
      expect(rowDisparities(chunk)).toEqual(kinds);
    }),
  );
});

test.each<[Kind | null, Partial<ChunkFacts>, PackFacts | undefined]>([
  [null, {}, PACK],
  [null, { place: null, is_owed: true }, undefined],
  ["place-missing", { place: null }, undefined],
  ["place-missing", { place: { slot: 2, model: "model", dimensions: 3 } }, PACK],
  ["place-missing", { place: { slot: -1, model: "model", dimensions: 3 } }, PACK],
  ["place-content", { place: { slot: 0, model: "model", dimensions: 3 } }, PACK],
  ["place-model", { place: { slot: 1, model: "older", dimensions: 3 } }, PACK],
  ["place-model", { place: { slot: 1, model: "model", dimensions: 4 } }, "missing"],
  ["pack-missing", {}, "missing"],
  ["pack-damaged", {}, "damaged"],
])("places: %s where a chunk has %j and its pack is %j", (kind, change, pack) => {
  expect(placeDisparity({ ...SOUND, ...change }, pack, ASKED)).toBe(kind);
});

test("a Worker without a model asks for none", () => {
  expect(placeDisparity(SOUND, PACK, { vector_space: null, dimensions: 3 })).toBe(null);
});

test("vectors: every set of faults is told by its kinds, and float32 is what counts", () => {
  const faults = [
    ["vector-values", { values: [0.1, 0.2, 0.4] }],
    ["vector-namespace", { namespace: "b" }],
    ["vector-metadata", { metadata: { collection: "x" } }],
  ] as const;
  const wanted = {
    id: "1",
    values: Float32Array.of(0.1, 0.2, 0.3),
    namespace: "a",
    metadata: { lang: "en", collection: "y" },
  };
  const sound = { id: "1", values: [0.1, 0.2, 0.3], namespace: "a", metadata: { collection: "y", lang: "en" } };
  expect(vectorDisparities(wanted, undefined)).toEqual(["vector-missing"]);
  fc.assert(
    fc.property(some(faults), (chosen) => {
      const found = Object.assign({ ...sound }, ...chosen.map(([, change]) => change));
      expect(vectorDisparities(wanted, found)).toEqual(chosen.map(([kind]) => kind));
    }),
  );
});
