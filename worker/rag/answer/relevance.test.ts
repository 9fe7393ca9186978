import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readQuestion } from "./question.ts";
import { readHit } from "./reading.ts";
import { scoreUnits } from "./relevance.ts";

/** The text of the likeliest unit. */
function likeliest(query: string, text: string): string {
  const question = readQuestion(query);
  const hit = readHit(question, { title: "Guide", heading: "", text, scores: { fused: 1 } });
  const [best] = scoreUnits(question, [hit]).sort((a, b) => b.probability - a.probability);
  return best === undefined ? "" : text.slice(best.start, best.end).trim();
}

describe("the likeliest unit", () => {
  test.each([
    [
      "states the case that is asked for",
      "What does the mill do if the wheel is stuck?",
      "The wheel of the mill is never stuck. If the wheel gets stuck, a bell rings in the mill. The mill is old.",
      "If the wheel gets stuck, a bell rings in the mill.",
    ],
    [
      "holds the value in the form in which such values are written",
      "How much disk space does a record take in the ledger?",
      "In the ledger a record takes 3 places. In the ledger a record takes 40 bytes.",
      "In the ledger a record takes 40 bytes.",
    ],
    [
      "speaks below the heading that names the subject",
      "How is the anchor raised?",
      "## Sails\n\nIt is raised by hand. All of it is wood.\n\n## The anchor\n\nIt is raised by steam. All of it is iron.\n",
      "It is raised by steam.",
    ],
    [
      "does not send the reader elsewhere",
      "What does the anchor limit mean?",
      "The anchor limit bounds the chain's meaning. See anchor limit to understand what the limit means.",
      "The anchor limit bounds the chain's meaning.",
    ],
    [
      "may say in one word what the question says in two",
      "What is the chain limit for?",
      "The sail is for speed. `chainLimit` keeps the anchor. The limit is high.",
      "`chainLimit` keeps the anchor.",
    ],
    [
      "may say in a word of documentation what the question says in everyday ones",
      "How do I turn off the echo?",
      "The echo is loud. The echo is old. The echo is disabled by a lever.",
      "The echo is disabled by a lever.",
    ],
    [
      "rather says the word itself than one that may stand for it",
      "How is a berth erased?",
      "A berth is removed by the guild. A berth is erased by the clerk. A berth is dear.",
      "A berth is erased by the clerk.",
    ],
  ])("%s", (_, query, text, unit) => {
    expect(likeliest(query, text)).toBe(unit);
  });
});

test("what stands right below a heading says what the heading says", () => {
  const text = "## Can nets be dried on deck?\n\nNo, salt ruins them.\n\n## Can nets be mended?\n\nYes, with twine.\n";
  const question = readQuestion("May I dry my nets on the deck?");
  const hit = readHit(question, { title: "Guide", heading: "", text, scores: { fused: 1 } });
  const chances = scoreUnits(question, [hit]).filter(({ kind }) => kind === "prose");
  const [salt, twine] = chances.map(({ probability }) => probability);
  expect(salt).toBeGreaterThan(5 * (twine ?? 1));
});

test("a block says what its introduction points back to", () => {
  const chance = (introduction: string): number => {
    const text = `The nets of the trawler are kept dry in the hold. ${introduction}\n\n\`\`\`\nhold --pump\n\`\`\`\n`;
    const question = readQuestion("How do I keep the nets of the trawler dry?");
    const hit = readHit(question, { title: "Guide", heading: "", text, scores: { fused: 1 } });
    return scoreUnits(question, [hit]).find(({ kind }) => kind === "code")?.probability ?? 0;
  };
  const beside = chance("A pump is at hand:");
  for (const back of ["This is done by a pump:", "Use a pump for that:", "To do so, call the pump:"])
    expect(chance(back)).toBeGreaterThan(2 * beside);
});

test("chances are between 0 and 1 and sum to 1, for any question and text", () => {
  const words = fc.constantFrom(
    "if",
    "How",
    "many",
    "days",
    "`x_y`",
    "a.b.c",
    "chainLimit",
    "30 days",
    "\n\n# H\n\n",
    "See",
    "- i\n",
    "```\n",
  );
  const text = fc
    .array(fc.oneof(words, fc.string({ unit: "binary" })), { maxLength: 20 })
    .map((parts) => parts.join(" "));
  fc.assert(
    fc.property(text, fc.array(text, { minLength: 1, maxLength: 4 }), (query, texts) => {
      const question = readQuestion(query);
      const hits = texts.map((hit) => readHit(question, { title: "", heading: "", text: hit, scores: { fused: 1 } }));
      const chances = scoreUnits(question, hits).map(({ probability }) => probability);
      for (const chance of chances) expect(chance >= 0 && chance <= 1).toBe(true);
      if (chances.length > 0) expect(chances.reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1);
    }),
  );
});
