/**
 * How much of a corpus' answers survives in the prompt, and at what price. Pure: the command brings questions, ranked
 * hits and the optimiser's context from the running Worker, and a real tokenizer.
 *
 * - A prompt's tokens are those of its messages, template and question included, as the tokenizer counts them.
 * - An answer is recalled when one of its strings is a plain substring of one passage's text: no case folding, no
 *   article stripping, since a compressor can only lose by the stricter rule.
 */
import { z } from "zod";
import { MARK_DIGITS } from "../../worker/rag/answer/marks.ts";
import { renderMessages, type UnmarkedPassage } from "../../worker/rag/answer/prompt.ts";
import { type PolicyContext, TOP_K } from "./answers-policies.ts";

/** One question with the contexts to judge. */
export interface JudgedQuestion {
  question: string;
  /** What its paragraph is from: choices that suit one article may not suit the next. */
  article: string;
  /** Accepted answer strings; one suffices. */
  answers: readonly string[];
  baselines: readonly PolicyContext[];
  /** The passages that the Worker's optimiser sent. */
  optimised: readonly UnmarkedPassage[];
}

/** Means over all questions. */
const policyScore = z.strictObject({ answer_recall: z.number().min(0).max(1), tokens_mean: z.number() });
type PolicyScore = z.infer<typeof policyScore>;

const saving = z.number().nullable().describe("share of tokens: 0.6 is 60 % fewer; negative is a loss");

const range = z.strictObject({ min: z.number(), max: z.number() });
/** Of the figures over all articles but one, each left out in turn. */
const spreadSchema = z.strictObject({
  articles: z.int(),
  recall_below_top3: range.describe("answer recall of top-3 minus the optimizer's; negative is above it"),
  share_of_top3_tokens: range,
});

export const answersReport = z.strictObject({
  questions: z.int(),
  policies: z.array(policyScore.extend({ name: z.string() })),
  optimizer: policyScore.extend({
    saving_vs_documents: saving,
    saving_vs_top5: saving,
    /** Against the smallest measured k of equal quality; null when no measured k is as good. */
    saving_vs_smallest_equal_k: saving,
    smallest_equal_k: z.int().nullable(),
  }),
  leaving_out: spreadSchema.nullable().describe("null with fewer than two articles"),
});
export type AnswersReport = z.infer<typeof answersReport>;

/** A top-k is of equal quality when its answer recall is at most this much below the optimiser's. */
const EQUAL_QUALITY_RECALL = 0.01;

/** A mark of as many digits as those that are drawn, so that it counts as many tokens. */
const MARK_EXAMPLE = 10 ** (MARK_DIGITS - 1);

/** Whether one of the answer strings stands in one of the passages. */
export function recallsAnswer(answers: readonly string[], passages: readonly { text: string }[]): boolean {
  return passages.some(({ text }) => answers.some((answer) => text.includes(answer)));
}

/** One policy's figures for one question. */
interface Judged {
  article: string;
  recalled: boolean;
  tokens: number;
}

function judge(
  questions: readonly JudgedQuestion[],
  passagesOf: (question: JudgedQuestion) => readonly UnmarkedPassage[],
  countTokens: (text: string) => number,
): Judged[] {
  return questions.map((judged) => {
    const { question, article, answers } = judged;
    const passages = passagesOf(judged).map((passage, place) => ({ ...passage, mark: MARK_EXAMPLE + place }));
    const { messages } = renderMessages({ question, passages });
    const tokens = messages.reduce((sum, { content }) => sum + countTokens(content), 0);
    return { article, recalled: recallsAnswer(answers, passages), tokens };
  });
}

function scorePolicy(judged: readonly Judged[]): PolicyScore {
  return {
    answer_recall: judged.filter(({ recalled }) => recalled).length / judged.length,
    tokens_mean: judged.reduce((sum, { tokens }) => sum + tokens, 0) / judged.length,
  };
}

function leavingOut(optimised: readonly Judged[], top3: readonly Judged[]): AnswersReport["leaving_out"] {
  const articles = [...new Set(optimised.map(({ article }) => article))];
  if (articles.length < 2) return null;
  const rest = articles.map((left_out) => {
    const [own, whole] = [optimised, top3].map((all) => scorePolicy(all.filter(({ article }) => article !== left_out)));
    return {
      below: (whole?.answer_recall ?? 0) - (own?.answer_recall ?? 0),
      share: (own?.tokens_mean ?? 0) / (whole?.tokens_mean ?? 1),
    };
  });
  const rangeOf = (values: number[]) => ({ min: Math.min(...values), max: Math.max(...values) });
  return {
    articles: articles.length,
    recall_below_top3: rangeOf(rest.map(({ below }) => below)),
    share_of_top3_tokens: rangeOf(rest.map(({ share }) => share)),
  };
}

/**
 * The report over all questions. Every question must have been judged under the same policies.
 *
 * @throws RangeError without questions: means would be NaN.
 */
export function scoreAnswers(
  questions: readonly JudgedQuestion[],
  countTokens: (text: string) => number,
): AnswersReport {
  const names = questions[0]?.baselines.map(({ name }) => name);
  if (names === undefined) throw new RangeError("no questions to score: the file holds none");
  const optimised = judge(questions, (question) => question.optimised, countTokens);
  const optimizer = scorePolicy(optimised);
  const judgedPolicies = names.map((name) => {
    const passagesOf = ({ baselines }: JudgedQuestion) =>
      baselines.find((policy) => policy.name === name)?.passages ?? [];
    return { name, judged: judge(questions, passagesOf, countTokens) };
  });
  const policies = judgedPolicies.map(({ name, judged }) => ({ name, ...scorePolicy(judged) }));
  const top3 = judgedPolicies.find(({ name }) => name === "top-3");
  const saving = (name: string): number | null => {
    const policy = policies.find((candidate) => candidate.name === name);
    return policy === undefined ? null : 1 - optimizer.tokens_mean / policy.tokens_mean;
  };
  const smallest = TOP_K.find((k) => {
    const policy = policies.find(({ name }) => name === `top-${k}`);
    return policy !== undefined && policy.answer_recall >= optimizer.answer_recall - EQUAL_QUALITY_RECALL;
  });
  return {
    questions: questions.length,
    policies,
    optimizer: {
      ...optimizer,
      saving_vs_documents: saving("documents"),
      saving_vs_top5: saving("top-5"),
      saving_vs_smallest_equal_k: smallest === undefined ? null : saving(`top-${smallest}`),
      smallest_equal_k: smallest ?? null,
    },
    leaving_out: top3 === undefined ? null : leavingOut(optimised, top3.judged),
  };
}
