/** `ops backup create`: one snapshot of everything a stack is, first full, then incremental. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { type Invocation, type Outcome, perform } from "../command/invocation.ts";
import { recordAction } from "../command/journal.ts";
import { table } from "../command/output.ts";
import { type BackupPlan, planBackup } from "./create-plan.ts";
import { type RepositoryOptions, withRepository, withRepositoryOptions } from "./open.ts";
import type { Repository } from "./repository/repository.ts";
import { shownBytes, shownTime } from "./shown.ts";
import { type Taken, takeSnapshot } from "./snapshot/take.ts";
import { type StackSources, stackSources } from "./stack-sources.ts";

interface CreateOptions extends RepositoryOptions {
  full?: boolean;
  dryRun?: boolean;
  init?: string;
}

export function registerBackupCreate(backup: Command): void {
  withRepositoryOptions(backup.command("create"))
    .description(
      "snapshot of database, vectors, configuration, objects and Worker, as one; first full, then incremental",
    )
    .option("--full", "continue nothing, read everything")
    .option("--init <dir>", "where there is no repository, make one and write its keys into this folder")
    .option("--dry-run", "say what it would read and cost, change nothing")
    .addHelpText(
      "after",
      `
Examples:
  npm run ops -- backup create
  npm run --silent ops -- backup create --stack production --repository s3://vault/prism?endpoint=https://… --json
The service goes on serving and is never blocked. Interrupted, run it again: what was stored is found, not stored twice.
Verified as written: the storage checked each object's SHA-256 on arrival, and all are seen at their size before the
manifest is written. \`ops backup verify\` and \`ops drill\` go further.
JSON: {snapshot: {id, epoch, parts, bytes, new_bytes, …}, summary: {kind, base, full_because, state_at_ms, cost: {requests,
rows_read, rows_written, duration_ms}, …}, tables: [{name, rows, digest, consistency}], plan, warnings}; with --dry-run {plan}`,
    )
    .action((options: CreateOptions, command: Command) =>
      perform(command, (invocation) => createBackup(invocation, options)),
    );
}

async function createBackup(invocation: Invocation, options: CreateOptions): Promise<Outcome> {
  const sources = await stackSources(invocation);
  try {
    const making = options.dryRun === true ? null : { keys_to: options.init };
    const found = { ...invocation, target: async () => sources.target };
    return await withRepository(found, options, making, async (repository) => {
      const full = options.full === true;
      if (options.dryRun !== true) return await create(invocation, repository, sources, full);
      const plan = await planBackup(repository, sources, full);
      return { data: { dry_run: true, plan }, text: planText(plan, invocation) };
    });
  } finally {
    sources.close();
  }
}

async function create(
  invocation: Invocation,
  repository: Repository,
  sources: StackSources,
  full: boolean,
): Promise<Outcome> {
  const { progress, note, stack, data_dir } = invocation;
  let plan: BackupPlan | undefined;
  let bytes = 0;
  let taken: Taken;
  try {
    taken = await takeSnapshot(repository, sources, {
      full,
      plan: async () => {
        plan = await planBackup(repository, sources, full);
        note(
          `${plan.kind}${plan.full_because === null ? ` on ${plan.base}` : ` (${plan.full_because})`}: about ${shownBytes(plan.bytes)}, ` +
            `${plan.requests} requests, ${plan.rows_read} rows read, ${shownTime(plan.duration_s * 1000)}`,
        );
        progress.start("kB read", Math.ceil(plan.bytes / 1000));
      },
      tool: await toolName(),
      now: Date.now,
      requests: () => sources.budget.admitted,
      on_step: () => {},
      on_bytes: (more) => {
        bytes += more;
        progress.update(Math.floor(bytes / 1000));
      },
    });
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    await recordAction(data_dir, { stack, action: "backup create", outcome: "failed", detail: { cause } }, Date.now());
    throw error;
  } finally {
    progress.stop();
  }
  const { info, summary, inventory, warnings } = taken;
  const detail = { snapshot: info.id, kind: summary.kind, new_bytes: info.new_bytes };
  await recordAction(data_dir, { stack, action: "backup create", outcome: "done", detail }, Date.now());
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
      `${summary.database.rows} rows, ${shownBytes(info.new_bytes)} new of ${shownBytes(info.bytes)}, ` +
      `${cost.requests} requests, ${cost.rows_read} rows read, ${shownTime(cost.duration_ms)}`,
  };
}

function planText(plan: BackupPlan, { terminal }: Invocation): string {
  const tables = table(
    plan.tables,
    [
      { title: "table", value: ({ name }) => name },
      { title: "read", value: ({ how }) => how },
      { title: "rows", value: ({ rows }) => rows, align: "right" },
      { title: "bytes", value: ({ bytes }) => shownBytes(bytes), align: "right" },
      { title: "requests", value: ({ requests }) => requests, align: "right" },
    ],
    terminal,
  );
  return [
    `${plan.kind} snapshot of ${plan.stack} to ${plan.repository}${plan.full_because === null ? `, on ${plan.base}` : `: ${plan.full_because}`}`,
    tables,
    `${plan.changes} changes to replay, ${plan.objects.count} objects (${shownBytes(plan.objects.bytes)}) to copy`,
    `${plan.requests} requests, about ${shownBytes(plan.bytes)} in ${shownTime(plan.duration_s * 1000)}`,
    `${plan.rows_read} rows read (${percent(plan.free_quota.rows_read)} of a free day), ${plan.rows_written} written (${percent(plan.free_quota.rows_written)})`,
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
