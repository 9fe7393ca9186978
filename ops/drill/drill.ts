/** `ops drill`: proves that the latest snapshot can be restored, without touching what serves. */
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { counted } from "../../worker/ground/counted.ts";
import { recordVerified } from "../backup/last-verified.ts";
import { readSummary } from "../backup/manifest.ts";
import { keepMark, withdrawMarks } from "../backup/marks.ts";
import { type RepositoryOptions, repositoryOptions, withRepository } from "../backup/open.ts";
import type { Repository } from "../backup/repository/repository.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT, isReason } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { shownTime } from "../command/quantities.ts";
import { runningPlatform } from "../stack/locate.ts";
import { onDrillPlatform } from "./own-platform.ts";
import { type Rehearsal, rehearsal, rehearse } from "./rehearse.ts";

const where = z.strictObject({ stack: z.enum(STACKS), own_platform: z.boolean() });

const output = z.union([
  where.extend(rehearsal.shape),
  where.extend({
    dry_run: z.literal(true),
    /** Null where one would be made for it. */
    snapshot: z.string().nullable(),
    rows: z.int().nullable(),
  }),
]);

export const drill = defineCommand({
  path: "drill",
  group: "backup",
  summary: "restore a snapshot into scratch stores, compare bit for bit, ask, delete the scratch; prints RPO and RTO",
  notes: `Works on the stack's repository with the key at hand, best the escrowed one. Where no local platform runs it starts one of its
own, backs it up with a key that can only write, and restores with the escrowed key alone.
Exit code 1 when anything is damaged, differs, is not found, or stays behind.`,
  risk: "change",
  options: z.object({
    ...repositoryOptions.shape,
    snapshot: z.string().default("latest").meta({
      placeholder: "id",
      description: "which one: an id, `latest` or `random`",
    }),
  }),
  output,
  examples: ["drill", "drill --stack production --key-file escrow.json --snapshot random --json"],
  async run(invocation, { snapshot, ...options }): Promise<Outcome<z.infer<typeof output>>> {
    const { stack, data_dir } = invocation;
    const own_platform = stack === "local" && !(await runs(data_dir));
    if (invocation.dry_run) {
      const planned = own_platform
        ? { snapshot: null, rows: null }
        : await withChosen(invocation, options, snapshot, async (repository, id) => {
            const chosen = await repository.openSnapshot(id);
            return { snapshot: chosen.info.id, rows: readSummary(chosen).database.rows };
          });
      const what = own_platform
        ? "a snapshot of a platform of its own"
        : `snapshot ${planned.snapshot}, ${counted(planned.rows ?? 0, "row")}`;
      const text = `Would restore ${what}, into scratch stores.`;
      return { data: { dry_run: true, stack, own_platform, ...planned }, text };
    }
    const rehearsed = own_platform
      ? await onDrillPlatform(invocation, (own, escrow) =>
          rehearseFrom(own, { ...options, key_file: [escrow] }, snapshot),
        )
      : await rehearseFrom(invocation, options, snapshot);
    return {
      data: { stack, own_platform, ...rehearsed },
      text: told(rehearsed),
      exit_code: rehearsed.passed ? EXIT.done : EXIT.check_failed,
      audit: { detail: { own_platform, ...rehearsed } },
    };
  },
});

async function runs(data_dir: string): Promise<boolean> {
  return runningPlatform(data_dir).then(
    () => true,
    (error: unknown) => {
      if (isReason(error, "not-running")) return false;
      throw error;
    },
  );
}

/** `work` with the repository and the snapshot that was chosen. */
function withChosen<T>(
  invocation: Invocation,
  options: RepositoryOptions,
  wanted: string,
  work: (repository: Repository, id: string) => Promise<T>,
): Promise<T> {
  return withRepository(invocation, options, null, async (repository) => {
    const snapshots = wanted === "random" ? await repository.listSnapshots() : [];
    const chosen = snapshots[Math.floor(Math.random() * snapshots.length)]?.id ?? wanted;
    return await work(repository, chosen === "random" ? "latest" : chosen);
  });
}

function rehearseFrom(invocation: Invocation, options: RepositoryOptions, wanted: string): Promise<Rehearsal> {
  return withChosen(invocation, options, wanted, async (repository, id) => {
    const rehearsed = await rehearse(invocation, repository, id);
    const { passed, differences, snapshot } = rehearsed;
    if (passed) await keepMark(invocation, repository, snapshot, "restore");
    if (differences.length > 0) await withdrawMarks(invocation, repository, snapshot);
    if (passed) await recordVerified(invocation, repository, snapshot);
    return rehearsed;
  });
}

function told(rehearsal: Rehearsal): string {
  const { database, vectors, golden } = rehearsal;
  return [
    `Snapshot ${rehearsal.snapshot}, the state of ${rehearsal.state_at}: ${rehearsal.passed ? "restored and equal" : "FAILED"}.`,
    `RPO ${shownTime(rehearsal.rpo_s * 1000)}, RTO ${shownTime(rehearsal.rto_s * 1000)} (into scratch stores, deployments not counted)`,
    `${counted(database.rows, "row")} in ${counted(database.tables, "table")}, ${counted(vectors.vectors, "vector")} (${vectors.compared} value by value), ` +
      `${golden.answered} of ${golden.asked} golden queries answered`,
    ...rehearsal.differences.map((difference) => `differs: ${difference}`),
    ...rehearsal.left_behind.map((what) => `left behind: ${what}`),
  ].join("\n");
}
