/** What a month costs on the paid plan, at list price. Pure. */
import { z } from "zod";
import { NEURONS_PER_MILLION_EMBEDDED_TOKENS } from "../../infra/cloudflare-limits.ts";
import { PAID_PLAN_USD, PRICES, type Price } from "../../infra/cloudflare-prices.ts";
import { chatCost, ROUTES, USD_PER_NEURON } from "../../worker/rag/answer/chat-models.ts";
import { SEARCH_ROWS_READ_LARGE } from "../limits.ts";

/** What a chunk takes, measured (`measure.ts`). */
export const perChunk = z.strictObject({
  d1_bytes: z.number(),
  /** As D1 bills them: rows of tables and entries of indexes. */
  rows_written: z.number(),
  /** To embed it. */
  neurons: z.number(),
  /** Of the whole way of a write, on the machine that measured: an upper bound of what the database is busy. */
  write_ms: z.number(),
  /** By each search, for each chunk of its shard, up to `SEARCH_ROWS_READ_LARGE`: FTS5's walks along posting lists are rows to D1. */
  rows_read_per_search: z.number(),
});
export type PerChunk = z.infer<typeof perChunk>;

/** What is asked of the service in a month. */
export interface Traffic {
  searches: number;
  /** Questions that a model answers; each is a search as well. */
  answers: number;
  /** Chunks written, the changed ones among them. */
  chunks_written: number;
}

export interface CostLine {
  what: keyof typeof PRICES | "plan";
  amount: number;
  usd: number;
}

const FLOAT_BYTES = 4;
/** Of a question, and of what is read and written for an answer: means of the optimiser's evaluation (decisions/0004), rounded up. */
const QUERY_TOKENS = 20;
const ANSWER_TOKENS = { in: 600, out: 120 } as const;
/** A search's own CPU in the Worker, by `ops bench http`; D1's time is not billed. */
const CPU_MS_PER_REQUEST = 8;
/** A written part: put into the queue, delivered and deleted, and twenty chunks of it on average. */
const QUEUE_OPERATIONS_PER_CHUNK = 3 / 20;

/** Lines of a month, dearest first. Cloudflare counts the stored vectors among the queried ones, once a month. */
export function monthlyCost(
  { chunks, shards, dimensions }: { chunks: number; shards: number; dimensions: number },
  { searches, answers, chunks_written }: Traffic,
  per_chunk: PerChunk,
): CostLine[] {
  const asked = searches + answers;
  const query_neurons = (QUERY_TOKENS / 1e6) * NEURONS_PER_MILLION_EMBEDDED_TOKENS;
  const answer_neurons = chatCost(ROUTES.balanced, ANSWER_TOKENS.in, ANSWER_TOKENS.out).neurons;
  const amounts: Record<keyof typeof PRICES, number> = {
    requests: asked,
    cpu_ms: asked * CPU_MS_PER_REQUEST,
    d1_rows_read:
      asked * Math.min(SEARCH_ROWS_READ_LARGE, (chunks / Math.max(1, shards)) * per_chunk.rows_read_per_search),
    d1_rows_written: chunks_written * per_chunk.rows_written,
    d1_bytes: chunks * per_chunk.d1_bytes,
    vectorize_queried_dimensions: (asked + chunks) * dimensions,
    vectorize_stored_dimensions: chunks * dimensions,
    r2_bytes: chunks * dimensions * FLOAT_BYTES,
    queue_operations: chunks_written * QUEUE_OPERATIONS_PER_CHUNK,
    object_requests: asked,
    neurons: chunks_written * per_chunk.neurons + asked * query_neurons + answers * answer_neurons,
  };
  const lines = (Object.keys(PRICES) as (keyof typeof PRICES)[]).map((what) => ({
    what,
    amount: Math.round(amounts[what]),
    usd: beyondIncluded(amounts[what], PRICES[what]),
  }));
  return [{ what: "plan" as const, amount: 1, usd: PAID_PLAN_USD }, ...lines].toSorted((a, b) => b.usd - a.usd);
}

function beyondIncluded(amount: number, { included, per, usd }: Price): number {
  return (Math.max(0, amount - included) / per) * usd;
}

/** Once, beside the month's: rows and vectors of all chunks are written, and each is embedded. */
export function costToFill(chunks: number, per_chunk: PerChunk): number {
  const rows_usd = ((chunks * per_chunk.rows_written) / PRICES.d1_rows_written.per) * PRICES.d1_rows_written.usd;
  return rows_usd + chunks * per_chunk.neurons * USD_PER_NEURON;
}
