import fc from "fast-check";
import { expect, test } from "vitest";
import { ReasoningFilter } from "./reasoning.ts";

function filtered(pieces: readonly string[]): string {
  const filter = new ReasoningFilter();
  return pieces.map((piece) => filter.push(piece)).join("") + filter.finish();
}

test.each([
  ["<think>Is it 4? [1]</think>\n\nIt is 4.", "It is 4."],
  ["\n<thinking>\nhm\n</thinking>It is 4.", "It is 4."],
  ["[THINK]hm [12][/THINK]It is 4.", "It is 4."],
  ["[12] says 4.", "[12] says 4."],
  ["◁think▷hm◁/think▷It is 4.", "It is 4."],
  ["<think></think>", ""],
  ["<think>It never ends", ""],
  ["It is <think>4</think>.", "It is <think>4</think>."],
  ["<thin", "<thin"],
  ["", ""],
])("thoughts before an answer are left out, and nothing else: %j", (answer, shown) => {
  expect(filtered([answer])).toBe(shown);
});

test("it does not matter how the answer is cut", () => {
  const part = fc.constantFrom(
    "<think>",
    "</think>",
    "<thinking>",
    "</thinking>",
    "<th",
    "ink>",
    " ",
    "\n",
    "It is 4.",
  );
  fc.assert(
    fc.property(fc.array(part), fc.array(fc.nat(60)), (parts, cuts) => {
      const answer = parts.join("");
      const at = [0, ...cuts.filter((cut) => cut < answer.length).sort((a, b) => a - b), answer.length];
      expect(filtered(at.slice(1).map((end, index) => answer.slice(at[index], end)))).toBe(filtered([answer]));
    }),
  );
});
