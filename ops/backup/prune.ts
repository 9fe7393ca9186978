/** `ops backup prune`: old snapshots go, by a rule that says for each of them why it stays or goes. */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { defineCommand } from "../command/define.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { shownBytes } from "../command/quantities.ts";
import { KEEP_DAILY, KEEP_MONTHLY, KEEP_WEEKLY, KEEP_YEARLY } from "../limits.ts";
import { judge, type KeepRule, keepRule, type Verdict, verdict } from "./keep.ts";
import { repositoryOptions, withRepository } from "./open.ts";
import { type PrunePlan, type PruneReport, pruneReport, type Repository } from "./repository/repository.ts";

const output = z.strictObject({
  dry_run: z.boolean(),
  rule: keepRule,
  verdicts: z.array(verdict.extend({ finished_ms: z.number() })),
  plan: z
    .strictObject({
      remove: z.array(z.string()),
      in_use: z.array(z.strictObject({ id: z.string(), by: z.string() })),
      objects: z.int(),
      bytes: z.int(),
    })
    .nullable(),
  removed: pruneReport.nullable(),
});

const { daily, weekly, monthly, yearly } = keepRule.shape;

export const backupPrune = defineCommand({
  path: "backup prune",
  group: "backup",
  summary: "remove old snapshots and what only they needed; says why each stays or goes",
  notes: `Days, weeks and months without a snapshot do not count. The newest snapshot stays, and so does the newest that was verified; one that
a restore reads stays until it is done. One with a tag stays, unless \`--forget-tag\` names all of its tags. What a bucket lock holds stays too, and goes with a later prune. Safe to repeat.`,
  risk: "destructive",
  options: z.object({
    ...repositoryOptions.shape,
    daily: daily.default(KEEP_DAILY).describe("days to keep the newest snapshot of"),
    weekly: weekly.default(KEEP_WEEKLY).describe("weeks"),
    monthly: monthly.default(KEEP_MONTHLY).describe("months"),
    yearly: yearly.default(KEEP_YEARLY).describe("years"),
    forget_tag: z
      .array(z.string())
      .optional()
      .meta({ placeholder: "tag", description: "judge those with this tag as if they had it not" }),
  }),
  output,
  examples: ["backup prune --dry-run", "backup prune --daily 14 --forget-tag before-migration --yes --json"],
  run(invocation, { repository, key_file, limit_rate, forget_tag = [], ...rule }) {
    return withRepository(invocation, { repository, key_file, limit_rate }, null, (opened) =>
      prune(invocation, opened, rule, forget_tag),
    );
  },
});

async function prune(
  invocation: Invocation,
  repository: Repository,
  rule: KeepRule,
  forgotten: readonly string[],
): Promise<Outcome<z.infer<typeof output>>> {
  const { dry_run } = invocation;
  const snapshots = await repository.listSnapshots();
  if (snapshots.length === 0)
    return {
      data: { dry_run, rule, verdicts: [], plan: null, removed: null },
      text: `No snapshot in ${repository.location}.`,
    };
  const verdicts = judge(snapshots, rule, forgotten);
  const plan = await repository.planPrune(verdicts.filter(({ keep }) => keep).map(({ id }) => id));
  const { remove, in_use, objects, bytes } = plan;
  if (!dry_run && remove.length > 0)
    await invocation.confirm({
      op: "remove",
      subject: `${counted(remove.length, "snapshot")} (${shownBytes(bytes)}) from ${repository.location}`,
    });
  const removed = dry_run ? null : await repository.prune(plan);
  const times = new Map(snapshots.map(({ id, finished_ms }) => [id, finished_ms]));
  return {
    data: {
      dry_run,
      rule,
      verdicts: verdicts.map((verdict) => ({ ...verdict, finished_ms: times.get(verdict.id) ?? 0 })),
      plan: { remove: [...remove], in_use, objects, bytes },
      removed,
    },
    text: [
      verdictTable(verdicts, times, plan, invocation.terminal),
      ...in_use.map(({ id, by }) => `${id} stays for now: in use (${by}).`),
      removed === null
        ? `Would remove ${counted(remove.length, "snapshot")}, ${counted(objects, "object")}, ${shownBytes(bytes)}.`
        : done(removed),
    ].join("\n"),
    ...(removed !== null && {
      audit: {
        detail: {
          repository: repository.location,
          removed: removed.snapshots_removed,
          bytes: removed.bytes_removed,
        },
      },
    }),
  };
}

function verdictTable(
  verdicts: readonly Verdict[],
  times: ReadonlyMap<string, number>,
  plan: PrunePlan,
  terminal: boolean,
): string {
  return table(terminal, verdicts, [
    { title: "snapshot", value: ({ id }) => id },
    { title: "finished", value: ({ id }) => new Date(times.get(id) ?? 0).toISOString() },
    { title: "", value: ({ id }) => (plan.remove.includes(id) ? "goes" : "stays") },
    { title: "because", value: ({ reasons }) => reasons.join("; ") },
  ]);
}

function done({ snapshots_removed, objects_removed, bytes_removed, locked }: PruneReport): string {
  const held =
    locked.objects === 0
      ? ""
      : ` A bucket lock holds ${counted(locked.objects, "object")} (${shownBytes(locked.bytes)}) for now: a later prune removes them.`;
  return `Removed ${counted(snapshots_removed.length, "snapshot")}, ${counted(objects_removed, "object")}, ${shownBytes(bytes_removed)}.${held}`;
}
