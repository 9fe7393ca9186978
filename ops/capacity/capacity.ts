/**
 * `ops capacity`: how many databases and indexes a corpus needs, what a month of it costs, and what that rests on.
 *
 * A plan for what is not there yet. What a stack uses of what it has, and for how long that lasts, is `ops report capacity`.
 */
import { z } from "zod";
import {
  D1_ACCOUNT_BYTES_MAX,
  D1_BINDINGS_MAX,
  OBJECT_REQUESTS_PER_S_MAX,
  QUEUE_MESSAGES_PER_S_MAX,
  STORES,
  VECTORIZE_VECTORS_MAX,
} from "../../infra/cloudflare-limits.ts";
import { METER_SHARDS } from "../../infra/inventory.ts";
import { counted } from "../../worker/ground/counted.ts";
import { DAY_MS } from "../../worker/ground/time.ts";
import { seededRandom } from "../bench/corpus.ts";
import { defineCommand } from "../command/define.ts";
import { misuse } from "../command/errors.ts";
import type { Outcome } from "../command/invocation.ts";
import { positive } from "../command/options.ts";
import { table } from "../command/output.ts";
import { rounded } from "../command/rounded.ts";
import {
  PEAK_FACTOR,
  PER_CHUNK_MEASURED,
  SEARCH_MS_BASE,
  SEARCH_MS_PER_MILLION,
  SEARCH_ROWS_READ_LARGE,
  SEARCH_ROWS_READ_MAX,
  SHARD_BUSY_SHARE_MAX,
  SHARD_MOVED_SHARE,
} from "../limits.ts";
import { costToFill, monthlyCost, type PerChunk, perChunk } from "./cost.ts";
import { measurePerChunk } from "./measure.ts";
import type { ShardLimits } from "./shards.ts";
import { simulateYear } from "./simulate.ts";

const MONTH_DAYS = 30;
const MONTH_S = (MONTH_DAYS * DAY_MS) / 1000;

const plan = z.strictObject({
  chunks: z.int(),
  shards: z.strictObject({ first: z.int(), last: z.int() }).describe("now, and after a year of growth"),
  fullest: z.number().describe("of all months, after its moves: 1 is what a shard can do at all"),
  largest_tenant_chunks: z.int(),
  refused: z.strictObject({ tenants: z.int(), chunks: z.int() }).describe("larger than a shard: no map places them"),
  outgrown: z.int().describe("tenants that became larger than a shard within the year"),
  moves: z.strictObject({ total: z.int(), most_in_a_month: z.int(), chunks: z.int() }),
  ends: z.array(z.string()).describe("limits of the account or of single objects that are passed"),
  fill_usd: z.number().describe("once, to write and embed all chunks"),
  month_usd: z.number(),
  lines: z.array(z.strictObject({ what: z.string(), amount: z.number(), usd: z.number() })),
});
type Plan = z.infer<typeof plan>;

const output = z.strictObject({
  per_chunk: perChunk.extend({ measured_now: z.boolean() }),
  shard: z.strictObject({
    chunks_max: z.int(),
    bounded_by: z.enum(["bytes", "vectors", "time of a search"]),
    tenant_chunks_max: z.int().describe("the largest tenant that a shard takes, without traffic"),
  }),
  assumptions: z.array(z.string()),
  plans: z.array(plan),
});

const CORPORA = [1_000_000, 10_000_000, 100_000_000];
const share = z.coerce.number("expected a share such as 0.05").min(0).max(1);
const counts = z.string().transform((text, context) => {
  const parsed = z.array(positive).min(1).safeParse(text.split(",").map(Number));
  if (parsed.success) return parsed.data;
  context.addIssue("expected whole numbers from 1, separated by commas");
  return z.NEVER;
});

const options = z.object({
  chunks: counts.default(CORPORA).describe("sizes to plan for, separated by commas"),
  tenants: positive.default(1_000).describe("their sizes follow Zipf's law"),
  searches: positive.default(100_000).describe("a day, of all tenants"),
  answers: positive.default(20_000).describe("questions a day that a model answers"),
  churn: share.default(0.05).describe("share of the chunks written anew in a month"),
  growth: share.default(0.05).describe("share by which the chunks grow in a month"),
  dimensions: positive.default(384).describe("of the embedding model"),
  search_ms: positive
    .default(SEARCH_MS_PER_MILLION)
    .describe("what a search over a million chunks takes the database: ops bench http"),
  latency_ms: positive.default(500).describe("what a search may take the database"),
  measure: positive.optional().describe("measure bytes, rows and neurons a chunk with so many on this machine"),
});

export const capacity = defineCommand({
  path: "capacity",
  group: "usage",
  summary: "plan for a corpus and traffic: databases and indexes, a year of tenants that grow, a month's price",
  notes: `Simulated, nothing of a stack is asked: report capacity tells what a stack uses of what it has. docs/growth.md explains the
model. Figures a chunk are those that --measure found last, unless it is given.`,
  risk: "read",
  options,
  output,
  examples: ["capacity", "capacity --chunks 3000000 --tenants 40 --searches 20000", "capacity --measure 20000 --json"],
  async run(invocation, asked): Promise<Outcome<z.infer<typeof output>>> {
    if (asked.latency_ms <= SEARCH_MS_BASE)
      throw misuse({
        op: "plan",
        subject: `searches of ${asked.latency_ms} ms`,
        cause: `any search takes its database ${SEARCH_MS_BASE} ms, however few chunks there are`,
        hint: "give --latency-ms more",
      });
    const measured_now = asked.measure !== undefined;
    const per_chunk = measured_now ? await measurePerChunk(invocation, asked.measure ?? 0) : PER_CHUNK_MEASURED;
    const { limits, bounded_by } = shardLimits(per_chunk, asked);
    const plans = asked.chunks.map((chunks) => planFor(chunks, per_chunk, limits, asked));
    const data = {
      per_chunk: { ...per_chunk, measured_now },
      shard: {
        chunks_max: limits.chunks_max,
        bounded_by,
        tenant_chunks_max: Math.floor(limits.chunks_max * SHARD_MOVED_SHARE),
      },
      assumptions: assumptionsOf(per_chunk, asked, measured_now),
      plans,
    };
    const first = `A shard holds ${many(limits.chunks_max, "chunk")}, by its ${bounded_by}; a tenant at most ${amount(data.shard.tenant_chunks_max)}.`;
    return {
      data,
      text: [
        first,
        drawn(plans, invocation.terminal),
        ...notesOf(plans),
        "Assumed:",
        ...data.assumptions.map((one) => `- ${one}`),
      ].join("\n"),
    };
  },
});

type Asked = z.infer<typeof options>;

function shardLimits(per_chunk: PerChunk, { search_ms, latency_ms }: Asked) {
  const search_ms_per_chunk = search_ms / 1e6;
  const bounds = [
    { bounded_by: "bytes" as const, chunks: STORES.paid.d1_bytes / per_chunk.d1_bytes },
    { bounded_by: "vectors" as const, chunks: VECTORIZE_VECTORS_MAX },
    { bounded_by: "time of a search" as const, chunks: Math.max(0, latency_ms - SEARCH_MS_BASE) / search_ms_per_chunk },
  ];
  const { chunks, bounded_by } = bounds.reduce((least, one) => (one.chunks < least.chunks ? one : least));
  const limits: ShardLimits = {
    chunks_max: Math.floor(chunks),
    busy_share_max: SHARD_BUSY_SHARE_MAX,
    search_base_ms: SEARCH_MS_BASE,
    search_ms_per_chunk,
    write_ms_per_chunk: per_chunk.write_ms,
  };
  return { limits, bounded_by };
}

function planFor(chunks: number, per_chunk: PerChunk, limits: ShardLimits, asked: Asked): Plan {
  const chunks_written = Math.round(chunks * (asked.churn + asked.growth));
  const searches_per_s = (PEAK_FACTOR * MONTH_DAYS * (asked.searches + asked.answers)) / MONTH_S;
  const chunks_written_per_s = chunks_written / MONTH_S;
  const { tenants, growth: growth_share } = asked;
  const scenario = { chunks, tenants, searches_per_s, chunks_written_per_s, growth_share };
  const year = simulateYear(scenario, limits, seededRandom(1));
  const traffic = { searches: MONTH_DAYS * asked.searches, answers: MONTH_DAYS * asked.answers, chunks_written };
  const lines = monthlyCost(
    { chunks, shards: year.shards.first, dimensions: asked.dimensions },
    traffic,
    per_chunk,
  ).map((line) => ({
    ...line,
    usd: rounded(line.usd, 2),
  }));
  const passed: [is_passed: boolean, what: string][] = [
    [chunks * per_chunk.d1_bytes > D1_ACCOUNT_BYTES_MAX, "D1: bytes of all databases of an account"],
    [year.shards.last > D1_BINDINGS_MAX, "D1: databases that a Worker can be bound to"],
    [searches_per_s > METER_SHARDS * OBJECT_REQUESTS_PER_S_MAX, "Durable Objects: the meter's requests a second"],
    [PEAK_FACTOR * chunks_written_per_s > QUEUE_MESSAGES_PER_S_MAX, "Queues: messages a second"],
  ];
  return {
    chunks,
    ...year,
    fullest: rounded(year.fullest, 3),
    ends: passed.flatMap(([is_passed, what]) => (is_passed ? [what] : [])),
    fill_usd: rounded(costToFill(chunks, per_chunk), 2),
    month_usd: rounded(
      lines.reduce((sum, { usd }) => sum + usd, 0),
      2,
    ),
    lines,
  };
}

const many = (count: number, what: string): string => counted(count, what, amount(count));
const amount = (value: number): string => value.toLocaleString("en-US");
const usd = (value: number): string => value.toLocaleString("en-US", { style: "currency", currency: "USD" });

function drawn(plans: readonly Plan[], terminal: boolean): string {
  const right = { align: "right" as const };
  const shards = table(terminal, plans, [
    { title: "chunks", value: ({ chunks }) => amount(chunks), ...right },
    { title: "shards", value: ({ shards: { first } }) => first, ...right },
    { title: "in a year", value: ({ shards: { last } }) => last, ...right },
    { title: "fullest", value: ({ fullest }) => `${Math.round(100 * fullest)} %`, ...right },
    { title: "moves a year", value: ({ moves }) => moves.total, ...right },
    { title: "chunks moved", value: ({ moves }) => amount(moves.chunks), ...right },
    { title: "to fill", value: ({ fill_usd }) => usd(fill_usd), ...right },
    { title: "a month", value: ({ month_usd }) => usd(month_usd), ...right },
  ]);
  const whats = [...new Set(plans.flatMap(({ lines }) => lines.map(({ what }) => what)))];
  const costs = table(terminal, whats, [
    { title: "USD a month", value: (what) => what },
    ...plans.map(({ chunks, lines }) => ({
      title: many(chunks, "chunk"),
      value: (what: string) => usd(lines.find((line) => line.what === what)?.usd ?? 0),
      ...right,
    })),
  ]);
  return `${shards}\n${costs}`;
}

function notesOf(plans: readonly Plan[]): string[] {
  return plans.flatMap(({ chunks, refused, outgrown, ends }) => [
    ...(refused.tenants === 0
      ? []
      : [
          `${amount(chunks)}: larger than a shard, so in none of them but in the price: ${many(refused.tenants, "tenant")} with ${many(refused.chunks, "chunk")}`,
        ]),
    ...(outgrown === 0 ? [] : [`${amount(chunks)}: outgrow a shard within the year: ${many(outgrown, "tenant")}`]),
    ...ends.map((what) => `${amount(chunks)}: beyond ${what}`),
  ]);
}

function assumptionsOf(per_chunk: PerChunk, asked: Asked, measured_now: boolean): string[] {
  return [
    `a chunk: ${per_chunk.d1_bytes} bytes of D1 with its indexes and full text, ${per_chunk.rows_written} rows written, ${per_chunk.neurons} neurons, ${per_chunk.write_ms} ms to write, ${per_chunk.rows_read_per_search} rows read by each search of its shard up to ${amount(SEARCH_ROWS_READ_LARGE)}, ${amount(SEARCH_ROWS_READ_MAX)} at the very most (${measured_now ? "measured now" : "measured before, by --measure"}); ${asked.dimensions} dimensions`,
    `a search keeps its database busy for ${SEARCH_MS_BASE} ms and ${asked.search_ms} ms for each million chunks of its shard, other tenants' as well, and may take ${asked.latency_ms} ms; at most ${SHARD_BUSY_SHARE_MAX * 100} % of a second is used`,
    `${many(asked.tenants, "tenant")}, sizes by Zipf's law, traffic by size; ${amount(asked.searches)} searches and ${amount(asked.answers)} answers a day, at the busiest ${PEAK_FACTOR} times as many`,
    `${asked.churn * 100} % of the chunks are written anew a month and ${asked.growth * 100} % come to them, unevenly`,
    "list prices of the paid plan, what it includes taken off; no backups, logs or taxes, no answer from a cache",
  ];
}
