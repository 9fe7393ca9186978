import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { queryTerms } from "../text/query.ts";
import { stems, termSet } from "../text/terms.ts";
import { readCandidates } from "./candidates.ts";
import { chunkRow } from "./chunk-row.fixture.ts";
import { rescore } from "./rescore.ts";
import type { ChunkRow } from "./text-leg.ts";

interface Ranked {
  row: ChunkRow;
  score: number;
}

const candidate = (chunk_id: number, score: number, text: string, title = ""): Ranked => ({
  row: chunkRow(chunk_id, text, title),
  score,
});

function order(query: string, rows: Ranked[]): number[] {
  const sequence = stems(query);
  const set = termSet(sequence);
  const candidates = readCandidates(
    rows.map(({ row }) => row),
    set,
    queryTerms(query),
    new Map(),
    [],
  );
  for (const [place, { score }] of rows.entries()) Object.assign(candidates[place] ?? {}, { score });
  return rescore(sequence, set, queryTerms(query), candidates).map(({ id }) => id);
}

describe("rescore", () => {
  test("puts neighbouring query words side by side before the same words apart", () => {
    const candidates = [
      candidate(1, 5, "the layer was at the boundary of something and other things of a different kind"),
      candidate(2, 4.99, "the boundary layer was something and there were other things of a different kind"),
      candidate(3, 3, "a layer of something else, here and there, with other things of a different kind"),
      candidate(4, 2.9, "a boundary of something else, here and there, with other things of a different kind"),
    ];
    expect(order("boundary layer", candidates)[0]).toBe(2);
  });

  test("puts query words near each other, in either order, before the same words far apart", () => {
    const far = "of something else, here and there, with other things of a different kind, and at the end";
    const candidates = [
      candidate(1, 5, `the timeout ${far} a plugin`),
      candidate(2, 4.99, `the plugin has its own timeout ${far}`),
      candidate(3, 3, `a timeout ${far}`),
      candidate(4, 2.9, `a plugin ${far}`),
    ];
    expect(order("timeout of a plugin", candidates)[0]).toBe(2);
  });

  test("moves up what shares its words with the best, below the first two", () => {
    const candidates = [
      candidate(1, 8, "engine nozzle thrust exhaust turbine"),
      candidate(2, 7.5, "engine nozzle thrust exhaust compressor"),
      candidate(3, 5, "engine cooking recipes flour butter"),
      candidate(4, 4.9, "engine nozzle thrust exhaust pressure"),
    ];
    expect(order("engine", candidates)).toEqual([1, 2, 4, 3]);
  });

  test("lists each candidate once and always the same way", () => {
    const word = fc.constantFrom("flow", "wing", "the", "of", "é", "shock", "wave", "0", "x");
    const text = fc.array(word, { maxLength: 12 }).map((words) => words.join(" "));
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 30 }), text, (texts, query) => {
        const candidates = texts.map(([body, title], index) => candidate(index + 1, 30 - index, body, title));
        const ids = order(query, candidates);
        expect(ids.toSorted((a, b) => a - b)).toEqual(candidates.map(({ row }) => row.chunk_id));
        expect(order(query, candidates)).toEqual(ids);
      }),
    );
  });
});
