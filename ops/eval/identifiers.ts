/**
 * `ops eval identifiers DIR`: names that the sources in a folder declare, looked up through the real Worker.
 *
 * The folder is indexed as `ops index update` does it. Every public name that the parser finds is asked for as it is written, and
 * by its parts as words; right is a chunk that holds a line which declares it. Plain FTS5 is asked the same over the same
 * chunks, in this process: what is between them is what names are handled for.
 */
import { extname } from "node:path";
import { z } from "zod";
import { LIST_LIMIT_MAX } from "../../worker/limits.ts";
import { nameParts } from "../../worker/rag/text/identifiers.ts";
import { defineCommand } from "../command/define.ts";
import { misuse } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { rounded } from "../command/rounded.ts";
import { IndexConfig } from "../index/config.ts";
import { grammarOf, PARSED_EXTENSIONS } from "../index/languages.ts";
import { declarationsOf } from "../index/outline.ts";
import { syncIndex, syncResult } from "../index/sync.ts";
import { EVAL_NAMES_MAX } from "../limits.ts";
import { type Client, pagesOf } from "../service/client.ts";
import { onRig } from "../service/rig.ts";
import { inTurn, search } from "./ask.ts";
import { createBaseline } from "./baseline.ts";
import type { BeirDocument } from "./beir.ts";
import { mean, reciprocalRank } from "./metrics.ts";

const COLLECTION = "code";
/** A declaration further down is not found: few readers look there. */
const TOP = 3;
const DEPTH = 10;

const DocumentPage = z.object({
  documents: z.array(z.object({ id: z.string(), metadata: z.object({ path: z.string() }) })),
  next_cursor: z.string().nullable(),
});
const Document = z.object({
  title: z.string(),
  text: z.string(),
  chunks: z.array(z.object({ chunk_id: z.number(), heading: z.string(), text: z.string() })),
});

const figures = z.strictObject({ top3: z.number(), mrr_at_10: z.number() });
const report = z.strictObject({
  questions: z.int(),
  ...figures.shape,
  baseline: figures,
  missed: z.array(z.string()).describe("questions without a right chunk in the top 3"),
});
type Report = z.infer<typeof report>;

const output = z.strictObject({
  files: z.int(),
  chunks: z.int(),
  failures: syncResult.shape.failures,
  names: z.int().describe("distinct public names that the sources declare"),
  whole: report.describe("asked as they are written"),
  parts: report.describe("those of several parts, asked as words: `max tokens`"),
});

export const evalIdentifiers = defineCommand({
  path: "eval identifiers",
  group: "measure",
  summary: "names that a folder of source code declares, looked up whole and by their parts, beside plain FTS5",
  notes: `A name is public where its language says so (exported, public, pub, a capital in Go, no underscore in Python). Right is any
chunk with a line that declares it. Of more than ${EVAL_NAMES_MAX} names, as many are asked for, evenly spread by the alphabet. The
baseline is SQLite's FTS5 over title, heading and text of the same chunks, without what PRISM adds for names.`,
  risk: "read",
  args: z.object({ dir: z.string().describe("folder with source files") }),
  output,
  examples: ["eval identifiers path/to/repository --json"],
  run: (invocation, { dir }) => evaluate(invocation, dir),
});

async function evaluate(invocation: Invocation, dir: string): Promise<Outcome<z.infer<typeof output>>> {
  const { progress, signal } = invocation;
  const include = PARSED_EXTENSIONS.map((extension) => `**/*${extension}`);
  const config = IndexConfig.parse({ sources: [{ folder: dir, collection: COLLECTION, include }] });
  return onRig(invocation, {}, async ({ client }) => {
    const { added, failures } = await syncIndex({ client, config, cwd: process.cwd(), signal, progress });
    let read = 0;
    progress.start("documents read back", added);
    const { chunks, declaring } = await readIndexed(client, () => progress.update(++read));
    progress.stop(`${chunks.length} chunks of ${added} files`);
    if (declaring.size === 0)
      throw misuse({
        op: "look names up",
        subject: dir,
        cause: "its sources declare no public name",
        hint: "give a folder of code",
      });
    const names = sample([...declaring.keys()].toSorted());
    const baseline = createBaseline(chunks);
    const ask = async (asked: readonly { query: string; name: string }[]): Promise<Report> => {
      const answered = await inTurn(invocation, "names looked up", asked, async ({ query, name }) => {
        const { results } = await search(client, { query, top_k: DEPTH });
        const right: ReadonlyMap<string, number> = new Map(Array.from(declaring.get(name) ?? [], (id) => [id, 1]));
        const found = results.map(({ chunk_id }) => String(chunk_id));
        return { query, right, found, plain: baseline.search(query, DEPTH) };
      });
      const reciprocal = (ranker: "found" | "plain", k: number): number[] =>
        answered.map((answer) => reciprocalRank(answer[ranker], answer.right, k));
      const figuresOf = (ranker: "found" | "plain") => ({
        top3: rounded(mean(reciprocal(ranker, TOP).map(Math.ceil)), 4),
        mrr_at_10: rounded(mean(reciprocal(ranker, DEPTH)), 4),
      });
      const hits = reciprocal("found", TOP);
      return {
        questions: answered.length,
        ...figuresOf("found"),
        baseline: figuresOf("plain"),
        missed: answered.flatMap(({ query }, at) => (hits[at] === 0 ? [query] : [])),
      };
    };
    const whole = await ask(names.map((name) => ({ query: name, name })));
    const inParts = names.map((name) => ({
      query: nameParts(name).join(" ").toLowerCase(),
      name,
      parts: nameParts(name),
    }));
    const parts = await ask(inParts.filter(({ parts }) => parts.length > 1));
    baseline.close();
    const data = { files: added, chunks: chunks.length, failures, names: declaring.size, whole, parts };
    return { data, text: describe(data, invocation.terminal) };
  });
}

/** All chunks as the baseline takes them, and for each public name the chunks that hold a line which declares it. */
async function readIndexed(client: Client, on_document: () => void) {
  const chunks: BeirDocument[] = [];
  const declaring = new Map<string, Set<string>>();
  for await (const { documents } of pagesOf(client, `/api/v1/documents?limit=${LIST_LIMIT_MAX}`, DocumentPage)) {
    for (const { id, metadata } of documents) {
      const document = await client.get(`/api/v1/documents/${encodeURIComponent(id)}`, Document);
      on_document();
      const chunkOfLine: string[] = [];
      let first = 0;
      for (const { chunk_id, heading, text } of document.chunks) {
        chunks.push({ id: String(chunk_id), title: document.title, text: `${heading}\n${text}` });
        // A line that is cut is the chunk's in which it begins.
        const lines = text.replace(/\n$/, "").split("\n");
        for (const at of lines.keys()) chunkOfLine[first + at] ??= String(chunk_id);
        first += text.split("\n").length - 1;
      }
      const grammar = grammarOf(extname(metadata.path).toLowerCase());
      const read = grammar ? await declarationsOf(document.text, grammar) : undefined;
      for (const { symbol, line, is_public } of read?.declarations ?? []) {
        const chunk = chunkOfLine[line - 1];
        if (!is_public || chunk === undefined) continue;
        const name = symbol.slice(symbol.lastIndexOf(".") + 1);
        declaring.set(name, (declaring.get(name) ?? new Set()).add(chunk));
      }
    }
  }
  return { chunks, declaring };
}

function sample(names: readonly string[]): string[] {
  const step = Math.max(1, names.length / EVAL_NAMES_MAX);
  return Array.from({ length: Math.min(names.length, EVAL_NAMES_MAX) }, (_, at) => names[Math.floor(at * step)] ?? "");
}

function describe(
  { files, chunks, names, whole, parts }: z.infer<typeof output>,
  terminal: Invocation["terminal"],
): string {
  const rows = [
    { name: `PRISM, ${whole.questions} names whole`, ...whole },
    { name: "plain FTS5", ...whole.baseline },
    { name: `PRISM, ${parts.questions} names by their parts`, ...parts },
    { name: "plain FTS5", ...parts.baseline },
  ];
  return table(terminal, rows, [
    { title: `${files} files, ${chunks} chunks, ${names} names`, value: (row) => row.name },
    { title: "in the top 3", value: (row) => `${(row.top3 * 100).toFixed(1)} %`, align: "right" },
    { title: "MRR@10", value: (row) => row.mrr_at_10.toFixed(4), align: "right" },
  ]);
}
