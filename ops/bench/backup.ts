/**
 * `ops bench backup`: first snapshot, snapshot after 1 % changed, restore of the rows, each a process of its own as a person would start
 * it, beside the bare ceiling of the same bytes and beside other tools, all in one run on a platform of the bench's own.
 */
import { z } from "zod";
import { liveOf } from "../../infra/outputs.ts";
import type { Platform } from "../../local/platform.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { positive } from "../command/options.ts";
import { table, verdict } from "../command/output.ts";
import { rounded } from "../command/rounded.ts";
import { restD1 } from "../d1/rest-connection.ts";
import { onRig, type Rig } from "../service/rig.ts";
import { locateStack } from "../stack/locate.ts";
import { patientStorage } from "../storage/patient-storage.ts";
import { s3Storage } from "../storage/s3-storage.ts";
import type { Storage } from "../storage/storage.ts";
import type { Ceiling } from "./backup-ceiling.ts";
import { changeStores, type FilledStores, fillStores } from "./backup-data.ts";
import { copyOfDatabase, dumpPeer, resticPeer, resticRun, sqliteDump } from "./backup-peers.ts";
import { runBackup, runRestore, runStep } from "./backup-runs.ts";
import { seededRandom } from "./corpus.ts";
import { generatedParagraphs } from "./http-setup.ts";

const ROWS = 100_000;
const CHANGED_SHARE = 0.01;

/** docs/backup-format.md and the promises of `ops backup`. */
const GOALS = { share_of_ceiling: 0.6, share_of_bytes: 0.02, share_of_time: 0.15, dump_ratio: 3, rss_mb: 300 };

const figuresSchema = z.strictObject({
  rows: z.int(),
  source_bytes: z.number().describe("the rows as D1 gives them, and the packs"),
  ceiling_mb_per_s: z
    .number()
    .describe("reading these bytes by keyset and from R2, and putting them into R2 as they are"),
  full: z.strictObject({ seconds: z.number(), bytes: z.number(), mb_per_s: z.number() }),
  incremental_1pct: z.strictObject({
    seconds: z.number(),
    bytes: z.number(),
    share_of_bytes: z.number(),
    share_of_time: z.number(),
  }),
  restore: z.strictObject({
    seconds: z.number().describe("rows, indexes and full-text indexes into a new D1 database"),
    full_text_seconds: z.number(),
    rows_per_s: z.number().describe("without the time that full-text indexes take"),
  }),
  peak_rss_mb: z.number().nullable(),
  peers: z.strictObject({
    sqlite_dump: dumpPeer.nullable(),
    restic: z
      .strictObject({
        tool: z.string(),
        full: resticRun,
        incremental_1pct: resticRun.extend({ share_of_bytes: z.number() }),
      })
      .optional(),
  }),
});
type Figures = z.infer<typeof figuresSchema>;

const goalSchema = z.strictObject({ goal: z.string(), value: z.number(), limit: z.string(), passed: z.boolean() });
type Goal = z.infer<typeof goalSchema>;

const output = figuresSchema.extend({ goals: z.array(goalSchema) });

export const benchBackup = defineCommand({
  path: "bench backup",
  group: "measure",
  summary: "speed, size and memory of backup and restore, beside the bare ceiling, sqlite3 and restic in the same run",
  notes: `Times are of whole commands, process start included. sqlite3 gets the database as a file, without vectors; its dump carries
the full-text index as rows, so its rebuild is measured apart, and both jobs are compared. restic gets the same file and the
packs. Exit code 1 when a goal is missed.`,
  risk: "read",
  options: z.object({
    rows: positive.default(ROWS).describe("chunks of 800 characters with a vector of 384 dimensions"),
  }),
  output,
  examples: ["bench backup --rows 100000 --json"],
  run: async (invocation, { rows }) =>
    report(invocation, await onRig(invocation, {}, (rig) => measure(invocation, rig, rows))),
});

async function measure(invocation: Invocation, { platform, data_dir }: Rig, rows: number): Promise<Figures> {
  const { progress, signal } = invocation;
  const changed = Math.max(1, Math.round(rows * CHANGED_SHARE));
  const corpus = await generatedParagraphs(rows + changed, seededRandom(1));
  const { stores, close } = await openStores(data_dir, platform, signal);
  try {
    progress.start("chunks stored", rows);
    const replacements = corpus.splice(rows);
    await fillStores(stores, corpus, (done) => progress.update(done));
    // The platform runs in this process: what is stored must not be its collector's burden.
    corpus.length = 0;
    progress.stop();

    const ceiling: Ceiling = JSON.parse(
      (await runStep(invocation, "bare ceiling", "backup-ceiling.ts", [data_dir])).stdout,
    );
    const full = await runBackup(invocation, data_dir, "first snapshot");
    const copy = await copyOfDatabase(data_dir, data_dir);
    const restic = await resticPeer(data_dir, signal);
    const resticFull = await restic?.run(copy, stores.packs);
    await changeStores(stores, rows, replacements);
    // The index works on behind its answers; a command measured now must not share the processors with it.
    await platform.vectorize.flush();
    const incremental = await runBackup(invocation, data_dir, "snapshot of 1 % changed");
    const restored = await runRestore(invocation, data_dir);
    const changedCopy = await copyOfDatabase(data_dir, data_dir);
    const dump = await sqliteDump(changedCopy, restored.rows, data_dir, signal);
    const resticIncremental = await restic?.run(changedCopy, stores.packs);
    return {
      rows,
      source_bytes: ceiling.bytes,
      ceiling_mb_per_s: rounded(ceiling.bytes / 1e6 / ceiling.seconds, 2),
      full: {
        seconds: full.seconds,
        bytes: full.bytes,
        mb_per_s: rounded(ceiling.bytes / 1e6 / full.seconds, 2),
      },
      incremental_1pct: {
        seconds: incremental.seconds,
        bytes: incremental.bytes,
        share_of_bytes: rounded(incremental.bytes / full.bytes, 4),
        share_of_time: rounded(incremental.seconds / full.seconds, 3),
      },
      restore: {
        seconds: rounded(restored.seconds, 2),
        full_text_seconds: rounded(restored.full_text_seconds, 2),
        rows_per_s: Math.round(restored.rows / (restored.seconds - restored.full_text_seconds)),
      },
      peak_rss_mb: Math.max(...[full, incremental, restored].map(({ peak_rss_mb }) => peak_rss_mb ?? 0)) || null,
      peers: {
        sqlite_dump: dump,
        ...(restic && resticFull && resticIncremental
          ? {
              restic: {
                tool: restic.tool,
                full: resticFull,
                incremental_1pct: {
                  ...resticIncremental,
                  share_of_bytes: rounded(resticIncremental.bytes / resticFull.bytes, 4),
                },
              },
            }
          : {}),
      },
    };
  } finally {
    close();
  }
}

async function openStores(
  data_dir: string,
  platform: Platform,
  signal: AbortSignal,
): Promise<{ stores: FilledStores; close(): void }> {
  const target = await locateStack("local", data_dir, {}, signal);
  const { account_id, database, vectors, buckets, s3 } = await target.resources();
  const api = createCloudflare({ api_url: platform.api_url, account_id, token: platform.api_token }, { signal });
  const bucket = s3Storage({ ...s3, bucket: buckets.vectors, prefix: "" });
  const packs: Storage = patientStorage(bucket);
  const connection = restD1(api, account_id, liveOf(database)?.id ?? "");
  return {
    stores: { connection, packs, api, account_id, index: liveOf(vectors)?.name ?? "", signal },
    close: () => bucket.close(),
  };
}

function report(invocation: Invocation, figures: Figures): Outcome<z.infer<typeof output>> {
  const { full, incremental_1pct, restore, peers } = figures;
  const dump = peers.sqlite_dump;
  const goals = [
    atLeast("first snapshot, share of the ceiling", full.mb_per_s / figures.ceiling_mb_per_s, GOALS.share_of_ceiling),
    atMost("1 % changed, share of bytes", incremental_1pct.share_of_bytes, GOALS.share_of_bytes),
    atMost("1 % changed, share of time", incremental_1pct.share_of_time, GOALS.share_of_time),
    atLeast("restored rows/s", restore.rows_per_s, Math.round((dump?.load.rows_per_s ?? 0) / GOALS.dump_ratio)),
    atMost(
      "restore with full text, times what sqlite3 takes",
      dump ? restore.seconds / (dump.load.seconds + dump.full_text.seconds) : 0,
      GOALS.dump_ratio,
    ),
    atMost("memory, MB", figures.peak_rss_mb ?? 0, GOALS.rss_mb),
  ];
  const passed = goals.every((goal) => goal.passed);
  const rows = table(invocation.terminal, goals, [
    { title: `${figures.rows} chunks`, value: ({ goal }) => goal },
    { title: "measured", value: ({ value }) => value, align: "right" },
    { title: "goal", value: ({ limit }) => limit },
    { title: "", value: (goal) => verdict(goal.passed, invocation.colour), own_words: true },
  ]);
  const text = [
    rows,
    `first snapshot ${full.seconds} s (${full.mb_per_s} MB/s, ceiling ${figures.ceiling_mb_per_s}), 1 % ${incremental_1pct.seconds} s, restore ${restore.seconds} s (full text ${restore.full_text_seconds} s of it)`,
    ...(dump
      ? [
          `${dump.tool}: dump ${dump.dump.seconds} s, load ${dump.load.seconds} s (${dump.load.rows_per_s} rows/s), full text ${dump.full_text.seconds} s`,
        ]
      : []),
    ...(peers.restic
      ? [
          `${peers.restic.tool}: first ${peers.restic.full.seconds} s, 1 % ${peers.restic.incremental_1pct.seconds} s with ${peers.restic.incremental_1pct.share_of_bytes} of the bytes`,
        ]
      : []),
  ].join("\n");
  return { data: { ...figures, goals }, text, exit_code: passed ? EXIT.done : EXIT.check_failed };
}

function atLeast(goal: string, value: number, limit: number): Goal {
  return { goal, value: rounded(value, 3), limit: `>= ${limit}`, passed: value >= limit };
}

function atMost(goal: string, value: number, limit: number): Goal {
  return { goal, value: rounded(value, 4), limit: `<= ${limit}`, passed: value <= limit };
}
