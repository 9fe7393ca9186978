/**
 * `ops eval answers FILE`: how much of the answers survives token optimising, and what it saves.
 *
 * Every paragraph is a document of the real Worker. For each question the ranked hits come from `POST /api/v1/search`
 * and the optimised context from `POST /api/v1/chat?debug=1`; tokens are counted with the tokenizer of the Llama 3
 * family, prompt template included.
 */
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { rounded } from "../command/rounded.ts";
import type { Client } from "../service/client.ts";
import { onRig } from "../service/rig.ts";
import { baselineContexts, TOP_K, type WholeDocument } from "./answers-policies.ts";
import { type AnswersReport, answersReport, type JudgedQuestion, scoreAnswers } from "./answers-score.ts";
import { askWithDebug, inTurn, search } from "./ask.ts";
import { indexDocuments } from "./index-documents.ts";
import { readSquad, type SquadParagraph } from "./squad.ts";

const output = z.strictObject({ ...answersReport.shape, refused: z.int() });

export const evalAnswers = defineCommand({
  path: "eval answers",
  group: "measure",
  summary: "answer recall and tokens of the token optimiser beside whole documents and top-k",
  notes: `A paragraph is a document; the policy "documents" sends the whole articles of the three best hits. An answer is
recalled when it is a substring of one passage. Savings are shares: 0.6 is 60 % fewer tokens. The smallest equal k is
the first whose recall is at most one point below the optimizer's. refused counts questions that the service answered
"not found" although every one has an answer here; their contexts are scored like the others'. leaving_out repeats the
figures with each article left out in turn: how far they hang on single articles.`,
  risk: "read",
  args: z.object({ file: z.string().describe("questions with answers, in SQuAD's layout") }),
  output,
  examples: ["eval answers path/to/squad.json --json"],
  run: (invocation, { file }) => evaluate(invocation, file),
});

async function evaluate(invocation: Invocation, file: string): Promise<Outcome<z.infer<typeof output>>> {
  const { paragraphs, questions } = await readSquad(file);
  const { default: tokenizer } = await import("llama3-tokenizer-js");
  const countTokens = (text: string): number => tokenizer.encode(text, { bos: false, eos: false }).length;
  const articleOf = articles(paragraphs);
  const judged = await onRig(invocation, {}, async (rig) => {
    const documents = paragraphs.map((paragraph) => ({ ...paragraph, format: "text" as const }));
    await indexDocuments(invocation, rig, documents);
    return inTurn(
      invocation,
      "questions asked",
      questions,
      async (asked): Promise<JudgedQuestion & { found: boolean }> => {
        return { ...asked, ...(await contextsOf(rig.client, asked.question, articleOf)) };
      },
    );
  });

  const report = roundedReport(scoreAnswers(judged, countTokens));
  const refused = judged.filter(({ found }) => !found).length;
  const rows = [...report.policies, { name: "PRISM", ...report.optimizer }];
  const { saving_vs_documents, saving_vs_top5, saving_vs_smallest_equal_k, smallest_equal_k } = report.optimizer;
  const text = [
    table(invocation.terminal, rows, [
      { title: `${report.questions} questions`, value: (row) => row.name },
      { title: "answer recall", value: (row) => row.answer_recall.toFixed(4), align: "right" },
      { title: "tokens", value: (row) => row.tokens_mean.toFixed(1), align: "right" },
    ]),
    `${percent(shareOf(report, "top-3"))} of top-3's tokens`,
    `Saved against whole documents ${percent(saving_vs_documents)}, top-5 ${percent(saving_vs_top5)}, ` +
      `the smallest equal k (${smallest_equal_k ?? "none"}) ${percent(saving_vs_smallest_equal_k)}`,
    spreadLine(report.leaving_out),
    `${refused} questions were answered "not found"`,
  ].join("\n");
  const { questions: count, ...rest } = report;
  return { data: { questions: count, refused, ...rest }, text };
}

type ArticleOf = (paragraphId: string) => { key: string; document: WholeDocument };

/** A paragraph's whole article: what a service that sends documents instead of passages would send. */
function articles(paragraphs: readonly SquadParagraph[]): ArticleOf {
  const byTitle = Map.groupBy(paragraphs, ({ title }) => title);
  const titles = new Map(paragraphs.map(({ id, title }) => [id, title]));
  return (id) => {
    const title = titles.get(id) ?? "";
    const text = (byTitle.get(title) ?? []).map((paragraph) => paragraph.text).join("\n\n");
    return { key: title, document: { title, text } };
  };
}

async function contextsOf(client: Client, question: string, articleOf: ArticleOf) {
  const top_k = Math.max(...TOP_K);
  const { results } = await search(client, { query: question, top_k });
  const chat = await askWithDebug(client, question);
  return {
    baselines: baselineContexts(results, ({ document_id }) => articleOf(document_id)),
    optimised: chat.debug.passages,
    found: chat.found,
  };
}

function spreadLine(spread: AnswersReport["leaving_out"]): string {
  if (spread === null) return "No spread: fewer than two articles";
  const { articles, recall_below_top3, share_of_top3_tokens } = spread;
  return (
    `Leaving out each of ${articles} articles in turn: recall ${recall_below_top3.min.toFixed(4)} to ` +
    `${recall_below_top3.max.toFixed(4)} below top-3's, with ${percent(share_of_top3_tokens.min)} to ` +
    `${percent(share_of_top3_tokens.max)} of its tokens`
  );
}

function roundedReport({ questions, policies, optimizer, leaving_out }: AnswersReport): AnswersReport {
  const share = (value: number | null): number | null => (value === null ? null : rounded(value, 4));
  const score = ({ answer_recall, tokens_mean }: { answer_recall: number; tokens_mean: number }) => ({
    answer_recall: rounded(answer_recall, 4),
    tokens_mean: rounded(tokens_mean, 1),
  });
  return {
    questions,
    policies: policies.map(({ name, ...rest }) => ({ name, ...score(rest) })),
    optimizer: {
      ...score(optimizer),
      saving_vs_documents: share(optimizer.saving_vs_documents),
      saving_vs_top5: share(optimizer.saving_vs_top5),
      saving_vs_smallest_equal_k: share(optimizer.saving_vs_smallest_equal_k),
      smallest_equal_k: optimizer.smallest_equal_k,
    },
    leaving_out: leaving_out && {
      articles: leaving_out.articles,
      recall_below_top3: roundedRange(leaving_out.recall_below_top3),
      share_of_top3_tokens: roundedRange(leaving_out.share_of_top3_tokens),
    },
  };
}

const roundedRange = ({ min, max }: { min: number; max: number }) => ({ min: rounded(min, 4), max: rounded(max, 4) });

function shareOf({ policies, optimizer }: AnswersReport, name: string): number | null {
  const policy = policies.find((candidate) => candidate.name === name);
  return policy === undefined ? null : optimizer.tokens_mean / policy.tokens_mean;
}

function percent(share: number | null): string {
  return share === null ? "-" : `${(share * 100).toFixed(1)} %`;
}
