/** What is asked of a documentation site and how the answers are judged. Pure. */
import { z } from "zod";
import { rounded } from "../command/rounded.ts";

const pattern = z
  .string()
  .min(1)
  .transform((source, context) => {
    try {
      return new RegExp(source);
    } catch {
      context.addIssue("is not a regular expression");
      return z.NEVER;
    }
  });

/** A line of the questions' file. */
export const siteQuestion = z.union([
  z.strictObject({
    question: z.string().min(1),
    /** Paths in the site's folder; one of them suffices. */
    documents: z.array(z.string()).min(1),
    /** What every right answer holds. */
    answer: pattern,
  }),
  z.strictObject({ question: z.string().min(1), unanswerable: z.literal(true) }),
]);
export type SiteQuestion = z.infer<typeof siteQuestion>;

/** Of an unanswerable question, only whether it was refused is known. */
export const judgedQuestion = z.strictObject({
  question: z.string(),
  answerable: z.boolean(),
  document_top3: z.boolean().nullable(),
  answer_sent: z.boolean().nullable(),
  answer_right: z.boolean().nullable(),
  answer: z.string().nullable().describe("null for one that was refused"),
});
export type JudgedQuestion = z.infer<typeof judgedQuestion>;

const share = z.number().min(0).max(1).nullable().describe("null without such questions");

export const siteReport = z.strictObject({
  answerable: z.int(),
  unanswerable: z.int(),
  document_top3: share,
  answer_sent: share,
  answer_right: share,
  refused_answerable: share,
  refused: share,
});

/** `answer` is null where the service found none; `documents` are those of the first results. */
export function judge(
  question: SiteQuestion,
  given: { documents: readonly string[]; passages: readonly string[]; answer: string | null },
): JudgedQuestion {
  const { answer } = given;
  if ("unanswerable" in question) {
    const unknown = { document_top3: null, answer_sent: null, answer_right: null };
    return { question: question.question, answerable: false, ...unknown, answer };
  }
  // Where a line was broken says nothing about an answer.
  const holds = (text: string): boolean => question.answer.test(text.replace(/\s+/g, " "));
  return {
    question: question.question,
    answerable: true,
    document_top3: given.documents.some((document) => question.documents.includes(document)),
    answer_sent: given.passages.some(holds),
    answer_right: answer !== null && holds(answer),
    answer,
  };
}

/** Shares over all questions. */
export function scoreSite(judged: readonly JudgedQuestion[]): z.infer<typeof siteReport> {
  const answerable = judged.filter((question) => question.answerable);
  const others = judged.filter((question) => !question.answerable);
  const shareOf = (questions: readonly JudgedQuestion[], is: (question: JudgedQuestion) => boolean | null) =>
    questions.length === 0 ? null : rounded(questions.filter(is).length / questions.length, 4);
  return {
    answerable: answerable.length,
    unanswerable: others.length,
    document_top3: shareOf(answerable, (question) => question.document_top3),
    answer_sent: shareOf(answerable, (question) => question.answer_sent),
    answer_right: shareOf(answerable, (question) => question.answer_right),
    refused_answerable: shareOf(answerable, ({ answer }) => answer === null),
    refused: shareOf(others, ({ answer }) => answer === null),
  };
}
