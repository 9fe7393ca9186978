/**
 * `ops bench http`: what a request costs at 10 000 chunks, beside the least that such a request can cost.
 *
 * The peers are bare Hono Workers in the same workerd, behind the same proxy, over the same chunk texts. Peers and
 * workloads take turns in short rounds, so that whatever else the machine does falls on all of them alike. Latency
 * is measured one request after another, throughput with eight at once.
 */
import type { Command } from "commander";
import { STOPWORDS } from "../../worker/rag/stopwords.ts";
import { percentile, rounded } from "../eval/metrics.ts";
import { type Invocation, type Outcome, perform } from "../invocation.ts";
import { positive } from "../options.ts";
import { table } from "../output.ts";
import { countChunks, onRig, type Rig } from "../rig.ts";
import { type Paragraph, queryAbout, type Random, seededRandom } from "./corpus.ts";
import { fill, generatedParagraphs, peerWorkers } from "./http-setup.ts";
import { createGun, fireInTurn, fireTogether, type Gun, processCpu_ms, type Shot } from "./measure.ts";

const CHUNKS = 10_000;
const ROUNDS = 20;
/** Requests one after another, and again with several at once, of each subject in a round. */
const SHOTS_PER_ROUND = 24;
const CONCURRENCY = 8;
/** Different queries that the cached workload repeats; each was answered before the first round. */
const CACHED_QUERIES = 20;

interface Subject {
  name: string;
  /** The peer it is compared to; null for a peer. */
  peer: string | null;
  /** A query's request; `serial` differs for every request of the run. */
  shot(query: string, serial: number): Shot;
  /** True: asks for the same few queries again and again. */
  cached: boolean;
}

/** The last element of each workload's `name` in the report, and what it is measured against. */
function subjects(chunks: number): Subject[] {
  const search = (name: string, mode: string, cached: boolean, peer: string): Subject => ({
    name,
    peer,
    cached,
    shot: (query) => ({ method: "POST", path: "/api/v1/search", body: { query, mode, top_k: 10 } }),
  });
  return [
    {
      name: "point_query",
      peer: null,
      cached: false,
      shot: (_query, serial) => ({ method: "GET", path: `/__peer/point-query/query?id=${(serial * 7919) % chunks}` }),
    },
    {
      name: "fts_fetch",
      peer: null,
      cached: false,
      shot: (query) => ({ method: "GET", path: `/__peer/fts-fetch/query?q=${encodeURIComponent(query)}` }),
    },
    search("search_cached", "hybrid", true, "point_query"),
    search("search_hybrid", "hybrid", false, "fts_fetch"),
    search("search_text", "text", false, "fts_fetch"),
    {
      name: "chat",
      peer: "fts_fetch",
      cached: false,
      shot: (query) => ({ method: "POST", path: "/api/v1/chat", body: { message: query } }),
    },
  ];
}

interface Measured {
  latencies_ms: number[];
  requests_together: number;
  together_ms: number;
  cpu_ms: number | null;
}

export function registerBenchHttp(parent: Command): void {
  parent
    .command("http")
    .description("latency, throughput and CPU of searches and chat, beside bare Workers in the same run")
    .option("--chunks <n>", "chunks to index first", positive, CHUNKS)
    .option("--rounds <n>", "rounds to measure", positive, ROUNDS)
    .addHelpText(
      "after",
      `
Example:
  npm run --silent ops -- bench http --json
JSON: {chunks, rounds, peers: {point_query: {p50_ms, p95_ms, rps, cpu_ms}, fts_fetch: {…}},
  workloads: [{name, p50_ms, p95_ms, rps, cpu_ms, peer, ratio_p50, ratio_p95}]}
cpu_ms is CPU time of the whole workerd process a request, its SQLite included; null where /proc is absent.
rps is with ${CONCURRENCY} requests at once. search_cached repeats ${CACHED_QUERIES} queries; of
every other subject each request has a query of its own, the same ones for all subjects of a round.`,
    )
    .action((options: { chunks: number; rounds: number }, command: Command) =>
      perform(command, (invocation) => benchHttp(invocation, options)),
    );
}

async function benchHttp(invocation: Invocation, options: { chunks: number; rounds: number }): Promise<Outcome> {
  const random = seededRandom(1);
  const corpus = await generatedParagraphs(options.chunks, random);
  return onRig(invocation, { extra_workers: await peerWorkers() }, async (rig) => {
    const gun = createGun(rig.platform.url, await fill(invocation, rig, corpus));
    try {
      const measured = await measureAll(invocation, { rig, gun, corpus, random, rounds: options.rounds });
      return report(invocation, measured, { ...options, chunks: await countChunks(rig.client) });
    } finally {
      gun.close();
    }
  });
}

interface Run {
  rig: Rig;
  gun: Gun;
  corpus: readonly Paragraph[];
  random: Random;
  rounds: number;
}

async function measureAll(invocation: Invocation, run: Run): Promise<Map<Subject, Measured>> {
  const { gun, corpus, random, rounds } = run;
  const pid = run.rig.platform.workerdPid();
  const all = subjects(corpus.length);
  const measured = new Map<Subject, Measured>(
    all.map((subject) => [
      subject,
      { latencies_ms: [], requests_together: 0, together_ms: 0, cpu_ms: pid === null ? null : 0 },
    ]),
  );
  const fresh = freshQueries(corpus, random);
  const repeated = fresh(CACHED_QUERIES);
  let serial = 0;
  const shots = (subject: Subject, queries: readonly string[]): Shot[] =>
    queries.map((query, index) => {
      serial += 1;
      return subject.shot(subject.cached ? (repeated[index % CACHED_QUERIES] ?? query) : query, serial);
    });

  invocation.progress.start("rounds", rounds);
  // The first round warms code and caches and is not counted.
  for (let round = -1; round < rounds; round += 1) {
    // All subjects of a round get the same queries: which of them are dear ones must not decide a comparison.
    const queries = { inTurn: fresh(SHOTS_PER_ROUND), together: fresh(SHOTS_PER_ROUND) };
    const turn = (round + all.length) % all.length;
    const order = [...all.slice(turn), ...all.slice(0, turn)];
    const counted = (subject: Subject): Measured | undefined => (round < 0 ? undefined : measured.get(subject));
    for (const subject of order) {
      invocation.signal.throwIfAborted();
      const cpuBefore_ms = processCpu_ms(pid);
      const latencies_ms = await fireInTurn(gun, shots(subject, queries.inTurn));
      const cpuAfter_ms = processCpu_ms(pid);
      const sum = counted(subject);
      sum?.latencies_ms.push(...latencies_ms);
      if (sum && cpuBefore_ms !== null && cpuAfter_ms !== null)
        sum.cpu_ms = (sum.cpu_ms ?? 0) + cpuAfter_ms - cpuBefore_ms;
    }
    // Apart from the above, lest the wake of a volley be measured as the latency of the next subject.
    for (const subject of order) {
      invocation.signal.throwIfAborted();
      const together_ms = await fireTogether(gun, shots(subject, queries.together), CONCURRENCY);
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

/** Gives so many queries that the run has not asked before: nothing but `search_cached` may meet a cache. */
function freshQueries(corpus: readonly Paragraph[], random: Random): (count: number) => string[] {
  const asked = new Set<string>();
  return (count) => {
    const queries: string[] = [];
    while (queries.length < count) {
      const paragraph = corpus[Math.floor(random() * corpus.length)];
      const query = paragraph === undefined ? "" : queryAbout(paragraph, STOPWORDS, random);
      if (query === "" || asked.has(query)) continue;
      asked.add(query);
      queries.push(query);
    }
    return queries;
  };
}

function report(
  invocation: Invocation,
  measured: ReadonlyMap<Subject, Measured>,
  options: { chunks: number; rounds: number },
): Outcome {
  const figures = [...measured].map(([{ name, peer }, { latencies_ms, requests_together, together_ms, cpu_ms }]) => ({
    name,
    peer,
    p50_ms: rounded(percentile(latencies_ms, 0.5), 2),
    p95_ms: rounded(percentile(latencies_ms, 0.95), 2),
    rps: Math.round((requests_together / together_ms) * 1000),
    cpu_ms: cpu_ms === null ? null : rounded(cpu_ms / latencies_ms.length, 2),
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
  const rows = [
    ...Object.entries(peers).map(([name, figure]) => ({ name, ...figure, peer: "-", ratio_p50: "-", ratio_p95: "-" })),
    ...workloads,
  ];
  const text = table(
    rows,
    [
      { title: `${options.chunks} chunks`, value: (row) => row.name },
      { title: "p50 ms", value: (row) => row.p50_ms, align: "right" },
      { title: "p95 ms", value: (row) => row.p95_ms, align: "right" },
      { title: "requests/s", value: (row) => row.rps, align: "right" },
      { title: "CPU ms", value: (row) => row.cpu_ms ?? "-", align: "right" },
      { title: "peer", value: (row) => row.peer ?? "-" },
      { title: "× p50", value: (row) => row.ratio_p50, align: "right" },
      { title: "× p95", value: (row) => row.ratio_p95, align: "right" },
    ],
    invocation.terminal,
  );
  return { data: { ...options, peers, workloads }, text };
}
