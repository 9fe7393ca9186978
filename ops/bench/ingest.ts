/**
 * `ops bench ingest`: what indexing costs, end to end: chunks per second, D1 rows and neurons per chunk, and that
 * a second run over an unchanged corpus costs nothing.
 */

import { z } from "zod";
import { NEURONS_PER_MILLION_EMBEDDED_TOKENS } from "../../infra/cloudflare-limits.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { positive } from "../command/options.ts";
import { verdict } from "../command/output.ts";
import { rounded } from "../command/rounded.ts";
import { sendDocuments } from "../service/batch.ts";
import { countChunks, onRig, type Rig } from "../service/rig.ts";
import { type Paragraph, seededRandom } from "./corpus.ts";
import { formatsOutput, measureFormats, SECTIONS } from "./formats.ts";
import { generatedParagraphs } from "./http-setup.ts";

const CHUNKS = 2_000;

const passFigures = z.strictObject({
  seconds: z.number(),
  created: z.int(),
  unchanged: z.int(),
  rows_written: z.int(),
  embedded_texts: z.int(),
  neurons: z.number(),
});
type Pass = z.infer<typeof passFigures>;

const output = z.strictObject({
  chunks: z.int(),
  chunks_per_s: z.number(),
  rows_written_per_chunk: z.number(),
  neurons_per_chunk: z.number(),
  passed: z.boolean(),
  first: passFigures,
  second: passFigures,
});

export const benchIngest = defineCommand({
  path: "bench ingest",
  group: "measure",
  summary: "chunks per second, rows written and neurons per chunk; a second run must cost nothing",
  notes: `Rows are counted as D1 bills them (table rows and index entries), by the Worker. Neurons are what Workers AI bills
for so many tokens with bge-small, whatever embeds here. Exit code 1 when the second run writes a row or embeds a text.
--formats measures instead what files take to become Markdown: a manual of so many sections in every format, made for it, each in a
process of its own as in index update, and hostile files. Exit code 1 when one of the manuals is refused or lacks its last table, or
one of the others is not refused in time. 2000 sections are the largest PDF that is read.`,
  risk: "read",
  options: z.object({
    chunks: positive.default(CHUNKS).describe("chunks to index, one a document"),
    formats: z.boolean().optional().describe("time and memory of converting a file of each format"),
    sections: positive.default(SECTIONS).describe("pages, slides, sheets or chapters of each file of --formats"),
  }),
  output: z.union([output, formatsOutput]),
  examples: ["bench ingest --json", "bench ingest --formats --json", "bench ingest --formats --sections 2000"],
  run: (
    invocation,
    { chunks, formats, sections },
  ): Promise<Outcome<z.infer<typeof output> | z.infer<typeof formatsOutput>>> =>
    formats ? measureFormats(invocation, sections) : measureIngest(invocation, chunks),
});

async function measureIngest(invocation: Invocation, count: number): Promise<Outcome<z.infer<typeof output>>> {
  const corpus = await generatedParagraphs(count, seededRandom(1));
  const { first, second, chunks } = await onRig(invocation, {}, async (rig) => ({
    first: await ingest(invocation, rig, corpus, "first run"),
    second: await ingest(invocation, rig, corpus, "second run"),
    chunks: await countChunks(rig.client),
  }));
  const passed = second.rows_written === 0 && second.embedded_texts === 0;
  const data = {
    chunks,
    chunks_per_s: Math.round(chunks / first.seconds),
    rows_written_per_chunk: rounded(first.rows_written / chunks, 2),
    neurons_per_chunk: rounded(first.neurons / chunks, 4),
    passed,
    first,
    second,
  };
  const text = [
    `${chunks} chunks in ${first.seconds} s: ${data.chunks_per_s} chunks/s`,
    `${data.rows_written_per_chunk} rows written and ${data.neurons_per_chunk} neurons a chunk`,
    `second run over the unchanged corpus: ${second.rows_written} rows written, ${second.embedded_texts} texts embedded, ` +
      `${second.seconds} s: ${verdict(passed, invocation.colour)}`,
  ].join("\n");
  return { data, text, exit_code: passed ? EXIT.done : EXIT.check_failed };
}

async function ingest(invocation: Invocation, rig: Rig, corpus: readonly Paragraph[], label: string): Promise<Pass> {
  const { progress, signal } = invocation;
  const before = rig.platform.ai_usage();
  const started_ms = performance.now();
  progress.start(label, corpus.length);
  const outcome = await sendDocuments(rig.client, corpus, signal, (done) => progress.update(done));
  const seconds = rounded((performance.now() - started_ms) / 1000, 2);
  progress.stop(`${label}: ${seconds} s`);
  const after = rig.platform.ai_usage();
  return {
    seconds,
    created: outcome.created,
    unchanged: outcome.unchanged,
    rows_written: outcome.rows_written,
    embedded_texts: after.embedded_texts - before.embedded_texts,
    neurons: rounded(((after.embedded_tokens - before.embedded_tokens) / 1e6) * NEURONS_PER_MILLION_EMBEDDED_TOKENS, 3),
  };
}
