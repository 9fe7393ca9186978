/**
 * `ops eval site DIR QUESTIONS`: how well questions about a documentation site are answered, through the real Worker.
 *
 * Its pages are indexed as `ops index update` does it. For each question the ranked documents come from
 * `POST /api/v1/search`, what the model is sent and its answer from `POST /api/v1/chat?debug=1`.
 */
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { IndexConfig } from "../index/config.ts";
import { syncIndex, syncResult } from "../index/sync.ts";
import type { Client } from "../service/client.ts";
import { onRig } from "../service/rig.ts";
import { askWithDebug, inTurn, search } from "./ask.ts";
import { awaitVectors } from "./index-documents.ts";
import { readJsonLines } from "./json-lines.ts";
import {
  type JudgedQuestion,
  judge,
  judgedQuestion,
  type SiteQuestion,
  scoreSite,
  siteQuestion,
  siteReport,
} from "./site-score.ts";

const COLLECTION = "site";
/** Pages. A site's folder also holds what is no page of it: data, downloads, pictures. */
const PAGES = "**/*.{md,markdown,mdx,txt,html,htm}";
/** A document further down is not found: few readers look there. */
const TOP = 3;

const output = z.strictObject({
  documents: z.int(),
  failures: syncResult.shape.failures,
  ...siteReport.shape,
  judged: z.array(judgedQuestion),
});

export const evalSite = defineCommand({
  path: "eval site",
  group: "measure",
  summary: "questions about a folder of documents: documents found, answers sent and given, refusals",
  notes: `Pages are files of Markdown (.md, .markdown, .mdx), HTML (.html, .htm) and plain text (.txt). A line of
QUESTIONS is {"question", "documents": [paths in the folder], "answer": pattern} or
{"question", "unanswerable": true}. document_top3: one of the documents is among the first three results. answer_sent: the
pattern (a regular expression; white space counts as one space) is found in a passage that the model was sent.
answer_right: it is found in the answer. refused and refused_answerable: shares of the unanswerable and of the answerable
questions that were answered "not found".`,
  risk: "read",
  args: z.object({
    dir: z.string().describe("folder with the documents"),
    questions: z.string().describe("file with one question a line, as JSON"),
  }),
  output,
  examples: ["eval site path/to/docs path/to/questions.jsonl --json"],
  run: (invocation, { dir, questions }) => evaluate(invocation, dir, questions),
});

async function evaluate(invocation: Invocation, dir: string, file: string): Promise<Outcome<z.infer<typeof output>>> {
  const questions = await readJsonLines(
    siteQuestion,
    file,
    "a file of questions as `ops eval site --help` describes it",
  );
  const { progress, signal } = invocation;
  const { asked, documents, failures } = await onRig(invocation, {}, async (rig) => {
    const { client } = rig;
    const config = IndexConfig.parse({ sources: [{ folder: dir, collection: COLLECTION, include: [PAGES] }] });
    const synced = await syncIndex({ client, config, cwd: process.cwd(), signal, progress });
    await awaitVectors(invocation, rig);
    const asked = await inTurn(invocation, "questions asked", questions, (question) => ask(client, question));
    return { asked, documents: synced.added, failures: synced.failures };
  });
  const report = scoreSite(asked);
  const share = (value: number | null): string => (value === null ? "-" : `${(value * 100).toFixed(1)} %`);
  const rows = [
    { name: "right document in the top 3", value: report.document_top3 },
    { name: "answer in what the model is sent", value: report.answer_sent },
    { name: "answer right", value: report.answer_right },
    { name: "answerable, refused", value: report.refused_answerable },
    { name: "unanswerable, refused", value: report.refused },
  ];
  const title = `${report.answerable} answerable, ${report.unanswerable} unanswerable`;
  return {
    data: { documents, failures, ...report, judged: asked },
    text: table(invocation.terminal, rows, [
      { title, value: ({ name }) => name },
      { title: "share", value: ({ value }) => share(value), align: "right" },
    ]),
  };
}

async function ask(client: Client, question: SiteQuestion): Promise<JudgedQuestion> {
  const { results } = await search(client, { query: question.question, top_k: TOP });
  const { answer, found: is_found, debug } = await askWithDebug(client, question.question);
  return judge(question, {
    documents: results.map(({ document_id }) => document_id.slice(COLLECTION.length + 1)),
    passages: debug.passages.map(({ text }) => text),
    answer: is_found ? answer : null,
  });
}
