import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { estimateTokens } from "../text/tokens.ts";
import { type OptimisableHit, optimise } from "./optimise.ts";

function hit(chunk_id: number, title: string, text: string, fused: number): OptimisableHit {
  const document_id = `doc-${chunk_id}`;
  return { chunk_id, document_id, title, heading: "", text, token_count: estimateTokens(text), scores: { fused } };
}

const FORT = hit(
  1,
  "Harbours",
  [
    "Trade with the islands grew quickly after the war, and wool was the main export of the county for many decades, shipped by four families who owned every warehouse on the quay.",
    "The harbour of Kelm was begun in 1847.",
    "Its first master was Josiah Plum.",
    "Fishing declined when the herring moved north, and many families left for the growing cities of the mainland, where the mills paid twice what a boat earned in a good year.",
    "A narrow railway carried slate from the quarries above the town, until the last of them closed after a landslide that buried the engine and its shed one night in the wet spring.",
    "The parish church holds the tombs of two admirals, one of them empty, and a bell cast from the guns of a frigate that had run aground below the cliffs with all her crew aboard.",
    "Winters are mild but wet, and the road over the moor is closed by floods on about a dozen days of most years, when bread and post are brought over the bay by boat instead.",
    "Today most visitors come for the sailing school, the small museum of knots, and the regatta held late in summer, for which the hotels put up a large tent on the old parade ground.",
  ].join(" "),
  1,
);
const TOWN = hit(
  2,
  "Towns",
  "Ostra is a market town on the river. Its bridge has nine arches. The mill closed in 1911.",
  0.3,
);
const GUIDE = hit(
  3,
  "Guide",
  "The service has many parts. They are described elsewhere.\n\nRotate a key with this command:\n\n```sh\nops keys rotate --id ID\n# then wait. The old key dies.\n```\n\nBackups of every store are made daily and kept for a month, and each of them is restored once into a scratch store.\n\n- Logs are kept apart from the stores, so that a fault which fills the one cannot stop the other from being written.\n- Every command prints what it will change, and changes nothing until it has been told to do so by a person or a flag.\n- Stores are never shared between tenants, whatever the plan, and every one of them names its owner in its metadata.\n",
  1,
);

describe("optimise", () => {
  test("sends the sentences that answer, not the whole chunk, and says what it saved", () => {
    const context = optimise({ query: "When was the harbour of Kelm begun?", hits: [FORT, TOWN] });
    const sent = context.passages.map(({ text }) => text).join(" ");
    expect(sent).toContain("begun in 1847");
    expect(sent).not.toContain("Fishing declined");
    expect(context.tokens).toBeLessThan(context.tokens_before / 2);
    expect(context.dropped).toEqual([2]);
  });

  test("brings the heading along that a sentence stands under, and no other", () => {
    const text =
      "## `--berth`\n\nNames the quay.\n\n## `--draught`\n\nHow deep a boat may lie, in metres.\n\n## `--mast`\n\nIts wood.\n";
    const { passages } = optimise({
      query: "How deep may a boat lie?",
      hits: [hit(1, "Options", text, 1)],
      max_context_tokens: 30,
    });
    expect(passages[0]?.text).toBe("## `--draught`\n\nHow deep a boat may lie, in metres.");
  });

  test("sends more where the ranking is flat than where it is clear", () => {
    const tides = Array.from({ length: 10 }, (_, place) =>
      hit(
        place,
        `Tide ${place}`,
        `The tide of month ${place} is told by the bell. It rings at dusk over bay ${place}.`,
        1,
      ),
    );
    const lengthOf = (scores: (place: number) => number) =>
      optimise({
        query: "What tells the tide?",
        hits: tides.map((one, place) => ({ ...one, scores: { fused: scores(place) } })),
      }).tokens;
    expect(lengthOf(() => 1)).toBeGreaterThan(lengthOf((place) => 0.5 ** place));
  });

  test("keeps a code block whole, with a gap on lines of its own", () => {
    const { passages } = optimise({ query: "How do I rotate a key?", hits: [GUIDE] });
    expect(passages[0]?.text).toContain("```sh\nops keys rotate --id ID\n# then wait. The old key dies.\n```");
    expect(passages[0]?.text).not.toContain("Stores are never shared");
  });

  test("a chunk that says the same as a better one is not sent again", () => {
    const copy = hit(9, "Harbours", `${FORT.text} Also copied.`, 0.99);
    const { dropped } = optimise({ query: "When was the harbour of Kelm begun?", hits: [FORT, copy] });
    expect(dropped).toEqual([9]);
  });

  test("deeper than the fifth, a hit is read where retrieval can hardly tell it from the best", () => {
    const ids = (fused: number) => {
      const towns = ["ash lines the road", "coal is dug", "dogs bark all night", "eels are smoked", "flax grows"].map(
        (what, rank) =>
          hit(rank + 1, "Towns", `Where ${what}, no harbour was begun. The mayor ${rank} is ill.`, 1 - rank / 100),
      );
      const last = hit(6, "Kelm", "The harbour of Kelm was begun in 1847.", fused);
      const { passages } = optimise({ query: "When was the harbour of Kelm begun?", hits: [...towns, last] });
      return passages.map(({ chunk_id }) => chunk_id);
    };
    expect(ids(0.9)).toContain(6);
    expect(ids(0.3)).not.toContain(6);
  });

  test("deeper than the fifth, a hit is also read where its document leads", () => {
    const ids = (document_id: string) => {
      const towns = ["ash lines the road", "coal is dug", "dogs bark all night", "eels are smoked", "flax grows"].map(
        (what, rank) =>
          hit(rank + 1, "Towns", `Where ${what}, no harbour was begun. The mayor ${rank} is ill.`, 1 - rank / 100),
      );
      const last = { ...hit(6, "Kelm", "The harbour of Kelm was begun in 1847.", 0.3), document_id };
      const { passages } = optimise({ query: "When was the harbour of Kelm begun?", hits: [...towns, last] });
      return passages.map(({ chunk_id }) => chunk_id);
    };
    expect(ids("doc-1")).toContain(6);
    expect(ids("doc-5")).not.toContain(6);
  });

  test("no hits give no passages and no evidence", () => {
    expect(optimise({ query: "anything", hits: [] })).toEqual({
      passages: [],
      tokens: 0,
      tokens_before: 0,
      dropped: [],
      evidence: 0,
    });
  });

  const word = fc.constantFrom("harbour", "kelm", "1847", "the", "of", "wool", "Plum", "begun", "river", "nine");
  const sentence = fc.array(word, { minLength: 1, maxLength: 12 }).map((words) => `${words.join(" ")}. `);
  const block = fc.oneof(
    { weight: 5, arbitrary: sentence },
    fc.constantFrom("\n\n", "```\ncode here\n```\n", "| a | b |\n|---|---|\n| harbour | 1 |\n", "- item\n"),
  );
  const hits = fc
    .array(fc.tuple(fc.array(block, { maxLength: 8 }), fc.double({ min: 0, max: 1, noNaN: true })), { maxLength: 8 })
    .map((list) => list.map(([blocks, fused], index) => hit(index + 1, "Kelm", blocks.join(""), fused)));

  test("every passage is its spans, verbatim, in order, and the same input gives the same context", () => {
    fc.assert(
      fc.property(hits, fc.array(word, { minLength: 1, maxLength: 6 }), (list, words) => {
        const query = words.join(" ");
        const context = optimise({ query, hits: list });
        expect(optimise({ query, hits: list })).toEqual(context);
        for (const passage of context.passages) {
          const chunk = list.find(({ chunk_id }) => chunk_id === passage.chunk_id)?.text ?? "";
          const pieces = passage.spans.map(([start, end]) => chunk.slice(start, end));
          expect(passage.text.replaceAll("\n…\n", " … ")).toBe(pieces.join(" … "));
          expect(passage.spans.flat()).toEqual(passage.spans.flat().toSorted((a, b) => a - b));
        }
      }),
    );
  });

  test("the estimated tokens stay within max_context_tokens", () => {
    fc.assert(
      fc.property(hits, fc.integer({ min: 1, max: 120 }), (list, max_context_tokens) => {
        const { tokens } = optimise({ query: "harbour kelm", hits: list, max_context_tokens });
        expect(tokens).toBeLessThanOrEqual(max_context_tokens);
      }),
      { numRuns: 1000 },
    );
  });
});

test("a chunk of code is sent whole: its blank lines and stops end no thought", () => {
  const text = "// Packs. Twice.\nfunction packPieces() {\n  first();\n\n  second();\n}\n";
  const code = { ...hit(1, "src/a.ts", text, 1), format: "code" as const };
  const { passages } = optimise({ query: "How does it pack pieces?", hits: [code] });
  expect(passages.map((passage) => passage.text)).toEqual([text.trimEnd()]);
});
