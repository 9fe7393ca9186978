import fc from "fast-check";
import { expect, test } from "vitest";
import { HISTORY_MESSAGE_TOKENS_MAX, HISTORY_TOKENS_MAX } from "../../limits.ts";
import { estimateTokens } from "../text/tokens.ts";
import { cutHistory } from "./conversation.ts";

const content = fc.oneof(fc.string({ unit: "grapheme", maxLength: 40 }), fc.lorem({ maxCount: 900 }));
const turns = fc.array(fc.record({ role: fc.constantFrom("user" as const, "assistant" as const), content }), {
  maxLength: 20,
});

test("of any history the last messages are read, each from its beginning, within the budget", () => {
  fc.assert(
    fc.property(turns, (history) => {
      const { turns: read, from } = cutHistory(history);
      expect(read.reduce((sum, one) => sum + estimateTokens(one.content), 0)).toBeLessThanOrEqual(HISTORY_TOKENS_MAX);
      const told = history.slice(from).filter(({ content }) => content.trim() !== "");
      expect(read.map(({ role }) => role)).toEqual(told.map(({ role }) => role));
      read.forEach(({ role, content }, place) => {
        expect(estimateTokens(content)).toBeLessThanOrEqual(HISTORY_MESSAGE_TOKENS_MAX);
        if (role === "user") expect(told[place]?.content.trimStart().startsWith(content)).toBe(true);
      });
    }),
    { numRuns: 60 },
  );
});

test("citations of earlier answers mean nothing in a question, and what a user writes in brackets is theirs", () => {
  const { turns } = cutHistory([
    { role: "user", content: "What says [17]?" },
    { role: "assistant", content: "It eats grain [17], in R[x] [17, 4]." },
  ]);
  expect(turns.map(({ content }) => content)).toEqual(["What says [17]?", "It eats grain, in R[x]."]);
});
