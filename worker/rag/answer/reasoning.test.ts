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
  ["<Think>hm</THINK>It is 4.", "It is 4."],
  ["<think>a</think>\n<think>b</think> It is 4.", "It is 4."],
  ["<think>No <think> in it</think>It is 4.", "It is 4."],
  ["<unused94>thought\nhm<unused95>It is 4.", "It is 4."],
  ["<|begin_of_thought|>hm<|end_of_thought|>It is 4.", "It is 4."],
  [
    "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>It is 4.<|return|>",
    "It is 4.",
  ],
  ["It is 4.<|im_end|>", "It is 4."],
  ["It is 4.</s>\n", "It is 4."],
  ["It is 4.<|eot_id|>", "It is 4."],
  ["`</s>` ends a line <s", "`</s>` ends a line <s"],
  ["<think></think>", ""],
  ["<think>It never ends", ""],
  ["It is <think>4</think>.", "It is <think>4</think>."],
  ["<thin", "<thin"],
  ["", ""],
])("thoughts before an answer are left out, and nothing else: %j", (answer, shown) => {
  expect(filtered([answer])).toBe(shown);
});

test("an answer is shown as it comes: only what may be the sign of its end is held back", () => {
  const filter = new ReasoningFilter();
  expect(filter.push("It is 4 < 5 ")).toBe("It is 4 < 5 ");
  expect(filter.push("<|im_e")).toBe("");
  expect(filter.push("x")).toBe("<|im_ex");
});

test("it does not matter how the answer is cut", () => {
  const part = fc.constantFrom(
    "<think>",
    "</think>",
    "<thinking>",
    "</thinking>",
    "<th",
    "</s>",
    "<|im_",
    "end|>",
    "<|END|>",
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
