/**
 * `ops bench http`: what a request costs at so many chunks, beside the least that such a request can cost there, and what ingesting, backup and
 * restore take.
 *
 * The peers are bare Hono Workers in the same workerd, behind the same proxy, over the same chunk texts. Peers and
 * workloads take turns in short rounds, so that whatever else the machine does falls on all of them alike. Latency
 * is measured one request after another, throughput with eight at once.
 */
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { positive } from "../command/options.ts";
import { table } from "../command/output.ts";
import { rounded } from "../command/rounded.ts";
import { percentile } from "../eval/metrics.ts";
import { onRig, type Rig } from "../service/rig.ts";
import { type ColdStart, coldStart, measureColdStarts } from "./cold-start.ts";
import { seededRandom } from "./corpus.ts";
import { fill, peerWorkers } from "./http-setup.ts";
import { CACHED_QUERIES, createMagazine, type Magazine, type Subject, subjects, withTwins } from "./http-subjects.ts";
import { createGun, fireInTurn, fireTogether, type Gun, processCpu_ms } from "./measure.ts";
import { peakOf } from "./measured-child.ts";
import { measureStores, SEARCHES_READ, storeFigures, storesLine } from "./store-figures.ts";
import { deployWithoutTelemetry } from "./without-telemetry.ts";

const CHUNKS = 10_000;
const ROUNDS = 20;
const ROUNDS_MIN = 3;
/** Requests one after another, and again with several at once, of each subject in a round. */
const SHOTS_PER_ROUND = 24;
const CONCURRENCY = 8;

interface Measured {
  latencies_ms: number[];
  requests_together: number;
  together_ms: number;
  process_cpu_ms: number | null;
}

const figure = z.strictObject({
  p50_ms: z.number(),
  p95_ms: z.number(),
  rps: z.number().describe(`with ${CONCURRENCY} requests at once`),
  process_cpu_ms: z
    .number()
    .nullable()
    .describe(
      "CPU time a request of the whole workerd process, D1's SQLite and HTTP included: an upper bound of what Cloudflare counts; null without /proc",
    ),
});
const sizeFigures = z.strictObject({
  chunks: z.int(),
  rounds: z.int(),
  ingested_per_s: z.int().describe("chunks a second through the API into a database of that size, one writer"),
  workerd_peak_mb: z.int().nullable().describe("the most memory that workerd had at once; null without /proc"),
  ...storeFigures.shape,
  peers: z.record(z.string(), figure),
  workloads: z.array(
    z.strictObject({
      name: z.string(),
      ...figure.shape,
      peer: z.string().nullable(),
      ratio_p50: z.number(),
      ratio_p95: z.number(),
    }),
  ),
});
type SizeFigures = z.infer<typeof sizeFigures>;

const output = sizeFigures.extend({
  cold_start: coldStart,
  growth: z
    .array(
      sizeFigures.extend({
        p50_growth: z
          .record(z.string(), z.number())
          .describe("of each workload and peer: p50 divided by that of the first size"),
      }),
    )
    .describe("the further sizes"),
});

export const benchHttp = defineCommand({
  path: "bench http",
  group: "measure",
  summary: "latency, throughput and CPU of searches and chat, beside bare Workers in the same run",
  notes: `search_cached repeats ${CACHED_QUERIES} queries; of every other subject each request has a query of its own, the same
ones for all subjects of a round. --telemetry compares each workload with the same Worker built without telemetry (no log line, data
point or meter), which serves beside it, instead of with the peers. Of several sizes each gets a platform of its own, one after the
other, and fewer rounds the larger it is. Cold starts are of workerd processes that are started anew, one after the other. The embedding
model of this machine has no weight in a hybrid search, so vectors are not asked. A million chunks take some 5 GB below TMPDIR.`,
  risk: "read",
  options: z.object({
    chunks: z
      .string()
      .transform((text) => text.split(",").map(Number))
      .pipe(z.array(positive))
      .default([CHUNKS])
      .describe("chunks to write first; several sizes with commas"),
    rounds: positive.default(ROUNDS).describe("rounds to measure"),
    telemetry: z.boolean().optional().describe("measure what telemetry costs"),
    neighbour: z
      .boolean()
      .optional()
      .describe("with another tenant in the database, from whom full text tells it apart"),
  }),
  output,
  examples: [
    "bench http --json",
    "bench http --telemetry",
    "bench http --neighbour --chunks 10000,100000",
    "bench http --chunks 10000,100000,1000000 --json",
  ],
  run: measureHttp,
});

interface Options {
  rounds: number;
  telemetry?: boolean | undefined;
  neighbour?: boolean | undefined;
}

async function measureHttp(
  invocation: Invocation,
  { chunks, ...options }: Options & { chunks: number[] },
): Promise<Outcome<z.infer<typeof output>>> {
  const sizes: SizeFigures[] = [];
  for (const count of chunks) {
    const share = Math.sqrt((chunks[0] ?? count) / count);
    const rounds = Math.max(Math.min(ROUNDS_MIN, options.rounds), Math.round(options.rounds * Math.min(1, share)));
    sizes.push(await measureSize(invocation, count, { ...options, rounds }));
  }
  const cold_start = await measureColdStarts(invocation, options.rounds);
  const [first, ...further] = sizes as [SizeFigures, ...SizeFigures[]];
  const growth = further.map((size) => ({ ...size, p50_growth: growthOf(first, size) }));
  const text = [
    ...sizes.flatMap((size) => [tableOf(size, invocation), ingestLine(size), storesLine(size)]),
    ...growth.map(({ chunks: count, p50_growth }) => {
      const times = Object.entries(p50_growth).map(([name, growth]) => `${name} × ${growth}`);
      return `p50 at ${count} chunks by that at ${first.chunks}: ${times.join(", ")}`;
    }),
    coldStartLine(cold_start),
  ].join("\n");
  return { data: { ...first, cold_start, growth }, text };
}

function ingestLine({ ingested_per_s, workerd_peak_mb }: SizeFigures): string {
  return `${ingested_per_s} chunks/s ingested; workerd: ${workerd_peak_mb ?? "-"} MB of memory at most`;
}

function coldStartLine({ starts, bare, service, ratio_p50, ratio_cpu }: ColdStart): string {
  const of = ({ p50_ms, process_cpu_ms }: ColdStart["bare"]) => `${p50_ms} ms (${process_cpu_ms ?? "-"} ms of CPU)`;
  const ratios = `× ${ratio_p50} (× ${ratio_cpu ?? "-"})`;
  return `first answer of a fresh workerd, p50 of ${starts}: bare Worker ${of(bare)}, service ${of(service)}, ${ratios}`;
}

function growthOf(first: SizeFigures, size: SizeFigures): Record<string, number> {
  const p50s = ({ peers, workloads }: SizeFigures) => [
    ...Object.entries(peers).map(([name, { p50_ms }]) => [name, p50_ms] as const),
    ...workloads.map(({ name, p50_ms }) => [name, p50_ms] as const),
  ];
  const before = new Map(p50s(first));
  return Object.fromEntries(
    p50s(size).map(([name, p50_ms]) => [name, rounded(p50_ms / (before.get(name) ?? p50_ms), 2)]),
  );
}

async function measureSize(invocation: Invocation, count: number, options: Options): Promise<SizeFigures> {
  const random = seededRandom(1);
  return onRig(invocation, { extra_workers: await peerWorkers() }, async (rig) => {
    const { key, sample, ingested_per_s } = await fill(invocation, rig, {
      count,
      random,
      neighbour: options.neighbour ?? false,
    });
    const gun = createGun(rig.platform.url, key);
    try {
      const workloads = subjects(count);
      const all = options.telemetry
        ? withTwins(workloads, await deployWithoutTelemetry(rig.platform, invocation.signal))
        : workloads;
      const magazine = createMagazine(sample, random);
      const { rounds, telemetry: twins = false } = options;
      const measured = await measure(invocation, { rig, gun, all, magazine, rounds, twins });
      const workerd_peak_mb = peakOf(rig.platform.workerdPid());
      const stores = await measureStores(invocation, rig, magazine.freshQueries(SEARCHES_READ));
      return { chunks: count, rounds, ingested_per_s, workerd_peak_mb, ...stores, ...figuresOf(measured) };
    } finally {
      gun.close();
    }
  });
}

interface Run {
  rig: Rig;
  gun: Gun;
  all: readonly Subject[];
  magazine: Magazine;
  rounds: number;
  /** Twins share their caches of answers: what one has asked, the other would get for nothing. */
  twins: boolean;
}

async function measure(invocation: Invocation, run: Run): Promise<Map<Subject, Measured>> {
  const { gun, all, rounds } = run;
  const pid = run.rig.platform.workerdPid();
  const { freshQueries, shots } = run.magazine;
  const nothing = { requests_together: 0, together_ms: 0, process_cpu_ms: pid === null ? null : 0 };
  const measured = new Map<Subject, Measured>(all.map((subject) => [subject, { latencies_ms: [], ...nothing }]));

  invocation.progress.start("rounds", rounds);
  // The first round warms code and caches and is not counted.
  for (let round = -1; round < rounds; round += 1) {
    // All subjects of a round get the same queries: which of them are dear ones must not decide a comparison.
    const common = { inTurn: freshQueries(SHOTS_PER_ROUND), together: freshQueries(SHOTS_PER_ROUND) };
    const queriesOf = (when: keyof typeof common): string[] =>
      run.twins ? freshQueries(SHOTS_PER_ROUND) : common[when];
    const turn = (round + all.length) % all.length;
    const order = [...all.slice(turn), ...all.slice(0, turn)];
    const counted = (subject: Subject): Measured | undefined => (round < 0 ? undefined : measured.get(subject));
    for (const subject of order) {
      invocation.signal.throwIfAborted();
      const cpuBefore_ms = processCpu_ms(pid);
      const latencies_ms = await fireInTurn(gun, shots(subject, queriesOf("inTurn")));
      const cpuAfter_ms = processCpu_ms(pid);
      const sum = counted(subject);
      sum?.latencies_ms.push(...latencies_ms);
      if (sum && cpuBefore_ms !== null && cpuAfter_ms !== null)
        sum.process_cpu_ms = (sum.process_cpu_ms ?? 0) + cpuAfter_ms - cpuBefore_ms;
    }
    // Apart from the above, lest the wake of a volley be measured as the latency of the next subject.
    for (const subject of order) {
      invocation.signal.throwIfAborted();
      const together_ms = await fireTogether(gun, shots(subject, queriesOf("together")), CONCURRENCY);
      const sum = counted(subject);
      if (sum === undefined) continue;
      sum.requests_together += SHOTS_PER_ROUND;
      sum.together_ms += together_ms;
    }
    invocation.progress.update(round + 1);
  }
  invocation.progress.stop(`${rounds} rounds measured`);
  return measured;
}

function figuresOf(measured: ReadonlyMap<Subject, Measured>): Pick<SizeFigures, "peers" | "workloads"> {
  const figures = [...measured].map(([{ name, peer }, sum]) => ({
    name,
    peer,
    p50_ms: rounded(percentile(sum.latencies_ms, 0.5), 2),
    p95_ms: rounded(percentile(sum.latencies_ms, 0.95), 2),
    rps: Math.round((sum.requests_together / sum.together_ms) * 1000),
    process_cpu_ms: sum.process_cpu_ms === null ? null : rounded(sum.process_cpu_ms / sum.latencies_ms.length, 2),
  }));
  const peers = Object.fromEntries(
    figures.filter(({ peer }) => peer === null).map(({ name, peer: _none, ...figure }) => [name, figure]),
  );
  const workloads = figures.flatMap(({ name, peer, ...figure }) => {
    const other = peer === null ? undefined : peers[peer];
    if (other === undefined) return [];
    const ratio_p50 = rounded(figure.p50_ms / other.p50_ms, 2);
    const ratio_p95 = rounded(figure.p95_ms / other.p95_ms, 2);
    return [{ name, ...figure, peer, ratio_p50, ratio_p95 }];
  });
  return { peers, workloads };
}

function tableOf({ chunks, peers, workloads }: SizeFigures, { terminal }: Invocation): string {
  const rows = [
    ...Object.entries(peers).map(([name, figure]) => ({ name, ...figure, peer: "-", ratio_p50: "-", ratio_p95: "-" })),
    ...workloads,
  ];
  return table(terminal, rows, [
    { title: `${chunks} chunks`, value: (row) => row.name },
    { title: "p50 ms", value: (row) => row.p50_ms, align: "right" },
    { title: "p95 ms", value: (row) => row.p95_ms, align: "right" },
    { title: "requests/s", value: (row) => row.rps, align: "right" },
    { title: "CPU ms", value: (row) => row.process_cpu_ms ?? "-", align: "right" },
    { title: "peer", value: (row) => row.peer ?? "-" },
    { title: "× p50", value: (row) => row.ratio_p50, align: "right" },
    { title: "× p95", value: (row) => row.ratio_p95, align: "right" },
  ]);
}
