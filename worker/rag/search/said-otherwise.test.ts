import { expect, test } from "vitest";
import { queryTerms } from "../text/query.ts";
import { stems, termOf, termSet } from "../text/terms.ts";
import { readCandidates } from "./candidates.ts";
import { chunkRow } from "./chunk-row.fixture.ts";
import { countOtherWords, otherWords } from "./said-otherwise.ts";

const QUERY = "How do I erase a berth?";

/** How often each text is taken to say "erase", in a tenant of 100 chunks of which so many hold it. */
function saysErase(holding: number, texts: readonly string[]): number[] {
  const rows = texts.map((text, place) => chunkRow(place, text));
  const terms = queryTerms(QUERY);
  const others = otherWords(stems(QUERY), terms, { chunks: 100, holding: terms.map(() => holding) });
  const set = termSet([...stems(QUERY), ...[...others.values()].flatMap((words) => [...words])]);
  const candidates = readCandidates(rows, set, terms, new Map(), []);
  countOtherWords(candidates, set, others);
  return candidates.map(({ frequency }) => frequency[set.index.get(termOf("erase")) ?? -1] ?? 0);
}

test("a rare word of the query is said by half where another stands for it, once for all that do, and whole where it stands itself", () => {
  const texts = [
    "Berths are painted.",
    "Berths are removed.",
    "Berths are removed, dropped or purged.",
    "Removed berths are removed.",
    "Berths are erased.",
  ];
  expect(saysErase(2, texts)).toEqual([0, 0.5, 0.5, 1, 1]);
});

test("a word that many chunks hold is what they say, and nothing stands for it", () => {
  expect(saysErase(3, ["Berths are removed.", "Berths are erased."])).toEqual([0, 1]);
});
