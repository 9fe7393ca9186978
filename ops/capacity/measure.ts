/** What a chunk and a search take of a real database, by filling one on this machine: the difference between half of it and the whole. */
import { NEURONS_PER_MILLION_EMBEDDED_TOKENS } from "../../infra/cloudflare-limits.ts";
import { counted } from "../../worker/ground/counted.ts";
import { seededRandom } from "../bench/corpus.ts";
import { generatedParagraphs } from "../bench/http-setup.ts";
import { databaseBytes, readCapacity, rowsReadPerSearch, SEARCHES_READ } from "../bench/store-figures.ts";
import type { Invocation } from "../command/invocation.ts";
import { rounded } from "../command/rounded.ts";
import { sendDocuments } from "../service/batch.ts";
import { onRig } from "../service/rig.ts";
import type { PerChunk } from "./cost.ts";

/** Indexes `count` generated chunks of about 800 characters, a document each. */
export async function measurePerChunk(invocation: Invocation, count: number): Promise<PerChunk> {
  const { progress, signal } = invocation;
  const corpus = await generatedParagraphs(count, seededRandom(1));
  const half = Math.ceil(count / 2);
  const queries = corpus.slice(0, SEARCHES_READ).map(({ title }) => title);
  return onRig(invocation, {}, async ({ client, platform }) => {
    progress.start("chunks indexed", count);
    await sendDocuments(client, corpus.slice(0, half), signal, (done) => progress.update(done));
    const before = await readCapacity(client);
    const read_before = await rowsReadPerSearch(client, queries, signal);
    const embedded = platform.ai_usage().embedded_tokens;
    const started_ms = performance.now();
    const { rows_written } = await sendDocuments(client, corpus.slice(half), signal, (done) =>
      progress.update(half + done),
    );
    const write_ms = performance.now() - started_ms;
    progress.stop(`${counted(count, "chunk")} indexed`);
    const after = await readCapacity(client);
    const added = count - half;
    const read_after = await rowsReadPerSearch(client, queries, signal);
    const tokens = platform.ai_usage().embedded_tokens - embedded;
    return {
      d1_bytes: Math.round((databaseBytes(after) - databaseBytes(before)) / added),
      rows_written: rounded(rows_written / added, 2),
      neurons: rounded(((tokens / added) * NEURONS_PER_MILLION_EMBEDDED_TOKENS) / 1e6, 4),
      write_ms: rounded(write_ms / added, 3),
      rows_read_per_search: rounded(Math.max(0, read_after - read_before) / added, 3),
    };
  });
}
