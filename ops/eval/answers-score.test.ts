import { describe, expect, test } from "vitest";
import { baselineContexts, type RankedHit } from "./answers-policies.ts";
import { recallsAnswer, scoreAnswers } from "./answers-score.ts";

const words = (text: string): number => text.split(/\s+/).length;
const hit = (chunk_id: number, text: string): RankedHit => ({
  chunk_id,
  document_id: `doc-${Math.ceil(chunk_id / 2)}`,
  title: "T",
  heading: "",
  text,
});
const HITS = [
  hit(1, `wrong ${"x ".repeat(50)}`),
  hit(2, `the answer is blue ${"x ".repeat(50)}`),
  hit(3, `other ${"x ".repeat(50)}`),
];
const baselines = baselineContexts(HITS, ({ document_id }) => ({
  key: document_id,
  document: { title: "T", text: `whole ${document_id} blue ${"x ".repeat(400)}` },
}));

describe("scoring answers", () => {
  test("the documents policy sends each document of the best hits once", () => {
    expect(baselines[0]?.name).toBe("documents");
    expect(baselines[0]?.passages.map(({ text }) => text)).toEqual([
      expect.stringContaining("whole doc-1"),
      expect.stringContaining("whole doc-2"),
    ]);
    expect(baselines.map(({ name }) => name).slice(1)).toEqual(["top-1", "top-2", "top-3", "top-5", "top-10"]);
  });

  test("an answer counts only as a plain substring of one passage", () => {
    expect(recallsAnswer(["Blue", "blue sky"], [{ text: "the blue" }, { text: "sky" }])).toBe(false);
    expect(recallsAnswer(["red", "blue"], [{ text: "deep blue" }])).toBe(true);
  });

  test("the optimiser is compared with the smallest k that is as good", () => {
    const optimised = [{ title: "T", heading: "", text: "the answer is blue" }];
    const report = scoreAnswers(
      [{ question: "Which colour?", article: "T", answers: ["blue"], baselines, optimised }],
      words,
    );
    expect(report.policies.find(({ name }) => name === "top-1")?.answer_recall).toBe(0);
    expect(report.optimizer.answer_recall).toBe(1);
    expect(report.optimizer.smallest_equal_k).toBe(2);
    const top2 = report.policies.find(({ name }) => name === "top-2")?.tokens_mean ?? 0;
    expect(report.optimizer.saving_vs_smallest_equal_k).toBeCloseTo(1 - report.optimizer.tokens_mean / top2);
    expect(report.optimizer.saving_vs_documents).toBeGreaterThan(report.optimizer.saving_vs_top5 ?? 1);
  });

  test("no questions are refused, and no equal k gives no saving", () => {
    expect(() => scoreAnswers([], words)).toThrow("no questions");
    const optimised = [{ chunk_id: 9, title: "T", heading: "", text: "green" }];
    const report = scoreAnswers(
      [{ question: "Which colour?", article: "T", answers: ["green"], baselines, optimised }],
      words,
    );
    expect(report.optimizer.saving_vs_smallest_equal_k).toBeNull();
  });

  test("the spread is of the figures with each article left out in turn", () => {
    const blue = [{ title: "T", heading: "", text: "the answer is blue" }];
    const asked = ["A", "B", "C"].map((article) => ({
      question: "Which colour?",
      article,
      answers: ["blue"],
      baselines,
      optimised: article === "B" ? [] : blue,
    }));
    const { leaving_out } = scoreAnswers(asked, words);
    expect(leaving_out?.articles).toBe(3);
    expect(leaving_out?.recall_below_top3).toEqual({ min: 0, max: 0.5 });
    expect(leaving_out?.share_of_top3_tokens.min).toBeLessThan(leaving_out?.share_of_top3_tokens.max ?? 0);
    expect(scoreAnswers(asked.slice(0, 1), words).leaving_out).toBeNull();
  });
});
