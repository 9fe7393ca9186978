/** What a chunk and a search take of a real database, by filling one on this machine: the difference between half of it and the whole. */
import { setTimeout as pause } from "node:timers/promises";
import { NEURONS_PER_MILLION_EMBEDDED_TOKENS } from "../../infra/cloudflare-limits.ts";
import { capacityReport } from "../../worker/schemas/monitoring.ts";
import { seededRandom } from "../bench/corpus.ts";
import { generatedParagraphs } from "../bench/http-setup.ts";
import type { Invocation } from "../command/invocation.ts";
import { rounded } from "../command/rounded.ts";
import { JOB_POLL_MS } from "../limits.ts";
import { sendDocuments } from "../service/batch.ts";
import type { Client } from "../service/client.ts";
import { onRig } from "../service/rig.ts";
import type { PerChunk } from "./cost.ts";

/** So many searches tell what one reads. */
const SEARCHES = 20;

/** Indexes `count` generated chunks of about 800 characters, a document each. */
export async function measurePerChunk(invocation: Invocation, count: number): Promise<PerChunk> {
  const { progress, signal } = invocation;
  const corpus = await generatedParagraphs(count, seededRandom(1));
  const half = Math.ceil(count / 2);
  return onRig(invocation, {}, async ({ client, platform }) => {
    progress.start("chunks indexed", count);
    await sendDocuments(client, corpus.slice(0, half), signal, (done) => progress.update(done));
    const before = await readCapacity(client);
    const read_before = await rowsReadPerSearch(client, corpus, signal);
    const embedded = platform.ai_usage().embedded_tokens;
    const started_ms = performance.now();
    const { rows_written } = await sendDocuments(client, corpus.slice(half), signal, (done) =>
      progress.update(half + done),
    );
    const write_ms = performance.now() - started_ms;
    progress.stop(`${count} chunks indexed`);
    const after = await readCapacity(client);
    const added = count - half;
    const read_after = await rowsReadPerSearch(client, corpus, signal);
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

type Report = Awaited<ReturnType<typeof readCapacity>>;

function readCapacity(client: Client) {
  return client.get("/monitoring/capacity-report", capacityReport);
}

const databaseBytes = ({ stores }: Report): number => stores.find(({ store }) => store === "database")?.used ?? 0;

/** The meter hears of a request a moment after its answer. What the looks at it read themselves is in the figure: some rows. */
async function rowsReadPerSearch(
  client: Client,
  corpus: readonly { title: string }[],
  signal: AbortSignal,
): Promise<number> {
  const before = await readCapacity(client);
  for (const { title } of corpus.slice(0, SEARCHES)) await client.post("/api/v1/search", { query: title });
  for (;;) {
    const { requests, d1_rows_read } = (await readCapacity(client)).daily;
    if (requests.used >= before.daily.requests.used + SEARCHES)
      return Math.round((d1_rows_read.used - before.daily.d1_rows_read.used) / SEARCHES);
    await pause(JOB_POLL_MS, undefined, { signal });
  }
}
