/** `ops cleanup`: whatever has served its time goes, each kind by itself, so that one that fails keeps no other. */
import { z } from "zod";
import { repositoryOptions } from "../backup/open.ts";
import type { Repository } from "../backup/repository/repository.ts";
import { defineCommand } from "../command/define.ts";
import { asOpsError, EXIT, OpsError, refusal } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { table, verdict } from "../command/output.ts";
import { shownBytes } from "../command/quantities.ts";
import { readRecord } from "../generation/record.ts";
import { type Situation, withSituation } from "../restore/situation.ts";
import { carryOutSweep, sweepsDue } from "../vacuum/expired.ts";
import { type NoRepository, trimLimit, withRepositoryIfThere } from "../vacuum/needed-log.ts";
import { removeOrphanPacks } from "../vacuum/orphan-packs.ts";
import { removeOrphanVectors } from "../vacuum/orphan-vectors.ts";
import { removeEndlessEntries } from "./endless-cache.ts";

const output = z.strictObject({
  dry_run: z.boolean(),
  steps: z.array(
    z.strictObject({
      what: z.string(),
      count: z.int().describe("removed, or due in a dry run; of what failed, unknown: 0"),
      because: z.string().describe("why so many and no more"),
      failure: z.string().nullable(),
    }),
  ),
});
type Report = z.infer<typeof output>;

interface Step {
  what: string;
  because: string;
  /** How many went; `because` where only doing it tells. */
  run(): Promise<{ count: number; because?: string }>;
}

export const cleanup = defineCommand({
  path: "cleanup",
  group: "data",
  summary:
    "remove what has served its time: expired rows, old records, orphaned packs and vectors, cache entries without an end",
  notes: `In batches, beside the service: answers for repeated requests (a day); jobs, ratings and dead letters of 90 days ago; the change log as far
as snapshots and the undo of a switch let it; packs past Time Travel; vectors that no chunk has; cache entries that never end. Vacuum does the
same of the database and the index, and puts indexes in order besides. Not here, because the Worker does it: usage and statistics (31 days in its
meter, 90 in Analytics Engine), checks of the status page, slow statements; audit entries, which go into the archive first, leave the database
after 90 days, and stay seven years there under a lock that nobody lifts. Logs leave R2 by its own rule. Exit code 4 when a step failed. Safe to
repeat.`,
  risk: "change",
  options: repositoryOptions,
  output,
  examples: ["cleanup --dry-run", "cleanup --json"],
  run: (invocation, options) =>
    withSituation(invocation, (situation) =>
      withRepositoryIfThere(invocation, options, false, async (repository) =>
        told(invocation, await carryOut(invocation, await planned(invocation, situation, repository))),
      ),
    ),
});

/** @throws OpsError with exit code 3 while a switch of generations is under way: what it copies must not move under it. */
async function planned(
  { dry_run, signal }: Invocation,
  { session, live, resources }: Situation,
  repository: Repository | NoRepository,
): Promise<Step[]> {
  if (live === null)
    throw new OpsError({
      op: "clean up",
      subject: resources.worker.name,
      cause: "its live database is gone, or holds nothing of the Worker's",
      hint: "npm run ops -- restore plan",
    });
  if ((await readRecord(session.bucket, session.steady)) !== null)
    throw refusal({
      op: "clean up",
      subject: live.name,
      cause: "a switch of generations is under way, or was interrupted",
      hint: "npm run ops -- generation list; generation resume or generation cancel ends it",
    });
  const { connection } = live;
  const now_ms = session.now();
  const log = await trimLimit(session, repository);
  const sweeps = sweepsDue({ now_ms, log_through: log.through, log_because: log.because });
  return [
    ...sweeps.map((sweep): Step => {
      const { what, because } = sweep;
      return { what, because, run: async () => ({ count: (await carryOutSweep(connection, sweep, dry_run)).rows }) };
    }),
    {
      what: "packs",
      because: "nothing has pointed to them for longer than Time Travel reaches back",
      async run() {
        const { objects, bytes } = await removeOrphanPacks(connection, session.bucket, { now_ms, dry_run, signal });
        return { count: objects, because: `${shownBytes(bytes)} that nothing has pointed to since before Time Travel` };
      },
    },
    {
      what: "vectors",
      because: "no chunk has them",
      run: async () => ({ count: (await removeOrphanVectors(session, connection, { dry_run })).orphans }),
    },
    {
      what: "cache entries",
      because: "they would never end",
      async run() {
        const place = { account_id: session.account_id, namespace_id: resources.kv.cache };
        return { count: await removeEndlessEntries(session.api, place, dry_run) };
      },
    },
  ];
}

async function carryOut({ dry_run, signal, note }: Invocation, steps: readonly Step[]): Promise<Report> {
  const report: Report = { dry_run, steps: [] };
  for (const { what, because, run } of steps) {
    signal.throwIfAborted();
    note(`${dry_run ? "Count" : "Remove"} ${what}`);
    const done = await run().then(
      (came) => ({ because, ...came, failure: null }),
      (error: unknown) => ({ because, count: 0, failure: asOpsError(error).message }),
    );
    report.steps.push({ what, ...done });
  }
  return report;
}

function told({ terminal, colour }: Invocation, report: Report): Outcome<Report> {
  const { dry_run, steps } = report;
  const drawn = table(terminal, steps, [
    { title: dry_run ? "would remove" : "removed", value: ({ what }) => what },
    { title: "count", value: ({ count }) => count, align: "right" },
    { title: "because", value: ({ because }) => because },
    { title: "", value: ({ failure }) => verdict(failure === null, colour), own_words: true },
    { title: "failure", value: ({ failure }) => failure ?? "-" },
  ]);
  const failed = steps.filter(({ failure }) => failure !== null).length;
  const counts = Object.fromEntries(steps.map(({ what, count }) => [what, count]));
  return {
    data: report,
    text: `${drawn}\n${dry_run ? "Nothing was changed" : "Done"}: ${steps.length - failed} ok, ${failed} failed.`,
    exit_code: failed > 0 ? EXIT.partial : EXIT.done,
    audit: { detail: { ...counts, failed } },
  };
}
