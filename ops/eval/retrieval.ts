/**
 * `ops eval retrieval DIR`: ranking quality on a data set in BEIR's layout, through the real Worker.
 *
 * A platform of its own, the documents through `documents/batch`, every query through `POST /api/v1/search`: what is
 * measured is what a caller gets. A document ranks by its best chunk. The same queries go to plain FTS5 in this
 * process as a yardstick.
 */
import { z } from "zod";
import { QUERY_CHARS_MAX, TITLE_CHARS_MAX } from "../../worker/limits.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { positive } from "../command/options.ts";
import { table } from "../command/output.ts";
import { rounded } from "../command/rounded.ts";
import type { DocumentInput } from "../service/batch.ts";
import type { Client } from "../service/client.ts";
import { onRig } from "../service/rig.ts";
import { inTurn, search } from "./ask.ts";
import { createBaseline } from "./baseline.ts";
import { type BeirDocument, type BeirQuery, type BeirSet, isItsOwnDocument, readBeir } from "./beir.ts";
import { indexDocuments } from "./index-documents.ts";
import { type Judgements, mean, ndcg, percentile, recall, reciprocalRank } from "./metrics.ts";

const MODES = ["hybrid", "text", "vector"] as const;
type Mode = (typeof MODES)[number];

/** Two pages of the API's largest `top_k` make the 100 that recall@100 is about. */
const PAGE = 50;

/** One ranker's figures over all queries. */
const figuresSchema = z.strictObject({
  ndcg_at_10: z.number().describe("binary gain: every positive judgement counts as 1"),
  ndcg_at_10_graded: z
    .number()
    .describe("linear gain of the judgement's grade, as trec_eval and pytrec_eval compute it"),
  recall_at_100: z.number(),
  mrr_at_10: z.number(),
  p50_ms: z.number(),
  p95_ms: z.number(),
});
type Figures = z.infer<typeof figuresSchema>;

interface Answered {
  query: BeirQuery;
  ranking: string[];
  degraded: boolean;
  latency_ms: number;
}

const output = z.strictObject({
  dataset: z.string(),
  mode: z.enum(MODES),
  documents: z.int(),
  chunks: z.int(),
  queries: z.int(),
  degraded: z
    .int()
    .describe("searches that were answered without vectors: exit code 4, the figures are not of this mode"),
  ...figuresSchema.shape,
  baseline: figuresSchema,
});

export const evalRetrieval = defineCommand({
  path: "eval retrieval",
  group: "measure",
  summary: "nDCG@10, recall@100, MRR@10 and latency on a data set in BEIR layout, beside plain FTS5",
  notes: `ndcg_at_10 takes every positive judgement as 1; ndcg_at_10_graded takes grades as they stand (trec_eval, BEIR).
Latency is that of one search over HTTP, the baseline's is SQLite alone. Queries over ${QUERY_CHARS_MAX} characters are cut
there: the API takes no longer ones.`,
  risk: "read",
  args: z.object({
    dir: z.string().describe("folder with corpus.jsonl, queries.jsonl and qrels.tsv or qrels/test.tsv"),
  }),
  options: z.object({
    mode: z.enum(MODES).default("hybrid").describe("retrieval mode"),
    text_ranked_max: positive
      .optional()
      .describe("chunks that full text may rank (TEXT_RANKED_MAX): small, it acts on a small set"),
  }),
  output,
  examples: ["eval retrieval path/to/cranfield --json"],
  run: evaluate,
});

interface Options {
  dir: string;
  mode: Mode;
  text_ranked_max?: number | undefined;
}

async function evaluate(
  invocation: Invocation,
  { dir, mode, text_ranked_max }: Options,
): Promise<Outcome<z.infer<typeof output>>> {
  const set = await readBeir(dir);
  const variables = text_ranked_max === undefined ? {} : { TEXT_RANKED_MAX: String(text_ranked_max) };
  const { searched, chunks } = await onRig(invocation, { variables }, async (rig) => {
    const chunks = await indexDocuments(invocation, rig, set.documents.map(asInput));
    return { searched: await searchAll(invocation, rig.client, set, mode), chunks };
  });
  const service = figures(searched, set);
  const baseline = figures(baselineRankings(set), set);
  const rows = [
    { name: `PRISM (${mode})`, ...service },
    { name: "plain FTS5", ...baseline },
  ];
  const degraded = searched.filter((answered) => answered.degraded).length;
  const counts = { documents: set.documents.length, chunks, queries: set.queries.length, degraded };
  if (degraded > 0)
    invocation.note(`${degraded} searches were answered without vectors: these figures are not of mode ${mode}`);
  return {
    exit_code: degraded === 0 ? EXIT.done : EXIT.partial,
    data: { dataset: set.name, mode, ...counts, ...service, baseline },
    text: table(invocation.terminal, rows, [
      { title: set.name, value: (row) => row.name },
      { title: "nDCG@10", value: (row) => row.ndcg_at_10.toFixed(4), align: "right" },
      { title: "graded", value: (row) => row.ndcg_at_10_graded.toFixed(4), align: "right" },
      { title: "recall@100", value: (row) => row.recall_at_100.toFixed(4), align: "right" },
      { title: "MRR@10", value: (row) => row.mrr_at_10.toFixed(4), align: "right" },
      { title: "p50 ms", value: (row) => row.p50_ms, align: "right" },
      { title: "p95 ms", value: (row) => row.p95_ms, align: "right" },
    ]),
  };
}

/** The API bounds titles; of a longer one nothing is lost, it becomes part of the text. */
function asInput({ id, title, text }: BeirDocument): DocumentInput {
  if (title.length <= TITLE_CHARS_MAX) return { id, title, text, format: "text" };
  return { id, title: title.slice(0, TITLE_CHARS_MAX), text: `${title}\n\n${text}`, format: "text" };
}

async function searchAll(invocation: Invocation, client: Client, set: BeirSet, mode: Mode): Promise<Answered[]> {
  const byId = new Map(set.documents.map((document) => [document.id, document]));
  const page = (query: BeirQuery, offset: number) =>
    search(client, { query: query.text.slice(0, QUERY_CHARS_MAX), mode, top_k: PAGE, offset });
  return inTurn(invocation, "queries answered", set.queries, async (query) => {
    const started_ms = performance.now();
    const first = await page(query, 0);
    const latency_ms = performance.now() - started_ms;
    // Hits come best first, so a document's place is that of its best chunk.
    const pages = [first, await page(query, PAGE)];
    const found = pages.flatMap(({ results }) => results.map(({ document_id }) => document_id));
    const ranking = [...new Set(found)].filter((id) => isOther(query, byId.get(id)));
    return { query, ranking, degraded: pages.some(({ degraded }) => degraded.length > 0), latency_ms };
  });
}

function baselineRankings(set: BeirSet): Answered[] {
  const baseline = createBaseline(set.documents);
  const byId = new Map(set.documents.map((document) => [document.id, document]));
  const answered = set.queries.map((query) => {
    const started_ms = performance.now();
    const found = baseline.search(query.text, 2 * PAGE);
    const latency_ms = performance.now() - started_ms;
    return { query, ranking: found.filter((id) => isOther(query, byId.get(id))), degraded: false, latency_ms };
  });
  baseline.close();
  return answered;
}

const isOther = (query: BeirQuery, document: BeirDocument | undefined): boolean =>
  document === undefined || !isItsOwnDocument(query, document);

function figures(answered: readonly Answered[], set: BeirSet): Figures {
  const average = (metric: (ranking: string[], judgements: Judgements) => number): number =>
    rounded(mean(answered.map(({ query, ranking }) => metric(ranking, set.judgements.get(query.id) ?? new Map()))), 4);
  const latencies_ms = answered.map(({ latency_ms }) => latency_ms);
  return {
    ndcg_at_10: average((ranking, judgements) => ndcg(ranking, judgements, 10, "binary")),
    ndcg_at_10_graded: average((ranking, judgements) => ndcg(ranking, judgements, 10, "graded")),
    recall_at_100: average((ranking, judgements) => recall(ranking, judgements, 2 * PAGE)),
    mrr_at_10: average((ranking, judgements) => reciprocalRank(ranking, judgements, 10)),
    p50_ms: rounded(percentile(latencies_ms, 0.5), 2),
    p95_ms: rounded(percentile(latencies_ms, 0.95), 2),
  };
}
