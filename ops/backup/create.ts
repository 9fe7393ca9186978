/** `ops backup create`: one snapshot of everything a stack is, first full, then incremental. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { defineCommand } from "../command/define.ts";
import { isReason } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { shownBytes, shownTime } from "../command/quantities.ts";
import { shellWord } from "../command/shell-word.ts";
import { type BackupPlan, backupPlan, planBackup } from "./create-plan.ts";
import { tag } from "./keep.ts";
import { ESCROW, keyPath } from "./keys-at-hand.ts";
import { snapshotSummary, tableSummary } from "./manifest.ts";
import { repositoryOptions, withRepository } from "./open.ts";
import { type Repository, snapshotInfo } from "./repository/repository.ts";
import { survey } from "./snapshot/survey.ts";
import { type Taken, takeSnapshot } from "./snapshot/take.ts";
import { type StackSources, stackSources } from "./stack-sources.ts";

const output = z.union([
  z.strictObject({
    snapshot: snapshotInfo,
    summary: snapshotSummary,
    tables: z.array(tableSummary.pick({ name: true, rows: true, digest: true, consistency: true })),
    plan: backupPlan.optional(),
    warnings: z.array(z.string()),
  }),
  z.strictObject({ dry_run: z.literal(true), plan: backupPlan }),
]);

export const backupCreate = defineCommand({
  path: "backup create",
  group: "backup",
  summary:
    "take a snapshot of database, vectors, configuration, objects and Worker, as one; first full, then incremental",
  notes: `The service goes on serving and is never blocked. Interrupted, run it again: what was stored is found, not stored twice.
Verified as written: the storage checked each object's SHA-256 on arrival, and all are seen at their size before the
manifest is written. Whether it can be restored only a restore shows: \`ops backup verify\` and \`ops drill\` do one, and
\`ops backup list\` says how far each snapshot was verified.`,
  risk: "change",
  options: z.object({
    ...repositoryOptions.shape,
    full: z.boolean().optional().describe("continue nothing, read everything"),
    tag: z.array(tag).optional().describe("a word that marks the snapshot: `backup prune` keeps it"),
    init: z.string().optional().meta({
      placeholder: "dir",
      description: "where there is no repository, make one and write its keys into this folder",
    }),
  }),
  output,
  examples: [
    "backup create",
    "backup create --tag before-migration --full",
    'backup create --stack production --repository "s3://vault/prism?endpoint=https://…" --json',
  ],
  async run(invocation, { full = false, tag: tags = [], init, ...options }): Promise<Outcome<z.infer<typeof output>>> {
    const target = await invocation.target();
    const found = { ...invocation, target: async () => target };
    const looked = stackSources(found);
    // Awaited once the repository is open; where that fails, its failure is what is told.
    looked.catch(() => {});
    try {
      // Nothing is made for a stack that cannot be backed up.
      const making = { keys_to: init, after: looked, dry_run: invocation.dry_run };
      return await withRepository(found, options, making, async (repository) => {
        const sources = await looked;
        if (!invocation.dry_run) return await create(invocation, repository, sources, { full, tags, keys_to: init });
        return await plan(invocation, repository, sources, full);
      }).catch(async (error: unknown) => {
        const isMade = invocation.dry_run && (init !== undefined || invocation.stack === "local");
        if (!isMade || !isReason(error, "no-repository")) throw error;
        const none = { location: error.parts.subject, openNewest: async () => null };
        return await plan(invocation, none, await looked, full);
      });
    } finally {
      await looked.then(
        (sources) => sources.close(),
        () => {},
      );
    }
  },
});

async function plan(
  invocation: Invocation,
  repository: Pick<Repository, "location" | "openNewest">,
  sources: StackSources,
  full: boolean,
) {
  const found = await survey(sources, repository.openNewest(), { full, marking: false, now: invocation.now });
  const planned = await planBackup(repository, sources, found, full);
  return { data: { dry_run: true as const, plan: planned }, text: planText(planned, invocation) };
}

async function create(
  invocation: Invocation,
  repository: Repository,
  sources: StackSources,
  { full, tags, keys_to }: { full: boolean; tags: readonly string[]; keys_to: string | undefined },
) {
  const { progress, note, stack } = invocation;
  let plan: BackupPlan | undefined;
  let bytes = 0;
  let taken: Taken;
  try {
    taken = await takeSnapshot(repository, sources, {
      full,
      plan: async (found) => {
        plan = await planBackup(repository, sources, found, full);
        note(
          `${plan.kind}${plan.full_because === null ? ` on ${plan.base}` : ` (${plan.full_because})`}: about ${shownBytes(plan.bytes)} to read, ` +
            `${counted(plan.requests, "request")}, ${counted(plan.rows_read, "row")} read, ${shownTime(plan.duration_s * 1000)}`,
        );
        progress.start("kB read", Math.ceil(plan.bytes / 1000));
      },
      tool: await toolName(),
      tags,
      now: invocation.now,
      requests: () => sources.budget.admitted,
      on_bytes: (more) => {
        bytes += more;
        progress.update(Math.floor(bytes / 1000));
      },
    });
  } finally {
    progress.stop();
  }
  const { info, summary, inventory, warnings } = taken;
  for (const warning of warnings) note(`Warning: ${warning}`);
  const tables = inventory.database.tables.map(({ name, rows, digest, consistency }) => ({
    name,
    rows,
    digest,
    consistency,
  }));
  const { cost } = summary;
  return {
    data: { snapshot: info, summary, tables, plan, warnings },
    text:
      `Snapshot ${info.id} (${summary.kind}) of ${stack} as of ${new Date(summary.state_at_ms).toISOString()}: ` +
      `${counted(summary.database.rows, "row")}, ${shownBytes(info.new_bytes)} new of ${shownBytes(info.bytes)}, ` +
      `${counted(cost.requests, "request")}, ${counted(cost.rows_read, "row")} read, ${shownTime(cost.duration_ms)}\n` +
      "Written and seen at its size; a restore has not proved it yet: npm run ops -- backup verify" +
      keyOption(keys_to, repository.id),
    audit: { detail: { snapshot: info.id, kind: summary.kind, tags: info.tags, new_bytes: info.new_bytes } },
  };
}

/** For a command that reads the repository: its key, where this one has put it into a folder in which none is looked for. */
function keyOption(folder: string | undefined, repository: string): string {
  const path = folder && keyPath(folder, { repository, name: ESCROW });
  return path && existsSync(path) ? ` --key-file ${shellWord(path)}` : "";
}

function planText(plan: BackupPlan, { terminal }: Invocation): string {
  const tables = table(terminal, plan.tables, [
    { title: "table", value: ({ name }) => name },
    { title: "read", value: ({ how }) => how },
    { title: "rows", value: ({ rows }) => rows, align: "right" },
    { title: "bytes", value: ({ bytes }) => shownBytes(bytes), align: "right" },
    { title: "requests", value: ({ requests }) => requests, align: "right" },
  ]);
  return [
    `${plan.kind} snapshot of ${plan.stack} to ${plan.repository}${plan.full_because === null ? `, on ${plan.base}` : `: ${plan.full_because}`}`,
    tables,
    `${counted(plan.changes, "change")} to replay, ${counted(plan.objects.count, "object")} (${shownBytes(plan.objects.bytes)}) and the Worker (${shownBytes(plan.worker_bytes)}) to copy`,
    `${counted(plan.requests, "request")}, about ${shownBytes(plan.bytes)} to read in ${shownTime(plan.duration_s * 1000)}`,
    `${counted(plan.rows_read, "row")} read (${percent(plan.free_quota.rows_read)} of a free day), ${plan.rows_written} written (${percent(plan.free_quota.rows_written)})`,
  ].join("\n");
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

async function toolName(): Promise<string> {
  const manifest = await readFile(join(import.meta.dirname, "../../package.json"), "utf8");
  const { name, version } = z.object({ name: z.string(), version: z.string() }).parse(JSON.parse(manifest));
  return `${name} ${version}`;
}
