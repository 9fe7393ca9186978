/** `ops vacuum`: what has served its time goes, indexes are put in order, and with `--rebuild` the database is made anew, compact. */
import type { Command } from "commander";
import { type RepositoryOptions, withRepository, withRepositoryOptions } from "../backup/open.ts";
import type { Repository } from "../backup/repository/repository.ts";
import { shownBytes } from "../backup/shown.ts";
import { isReason, OpsError } from "../command/errors.ts";
import { confirm, type Invocation, type Outcome, perform } from "../command/invocation.ts";
import { recordAction } from "../command/journal.ts";
import { readRecord } from "../generation/record.ts";
import { type Situation, withSituation } from "../restore/situation.ts";
import { removeExpired } from "./expired.ts";
import { type NoRepository, trimLimit } from "./needed-log.ts";
import { removeOrphanPacks } from "./orphan-packs.ts";
import { rebuildDatabase } from "./rebuild.ts";
import { tidyIndexes } from "./tidy-indexes.ts";

interface VacuumOptions extends RepositoryOptions {
  rebuild?: boolean;
  dryRun?: boolean;
  yes?: boolean;
}

export function registerVacuum(program: Command): void {
  withRepositoryOptions(program.command("vacuum"))
    .description(
      "expired and orphaned rows, full-text optimize, statistics; --rebuild makes the database anew, compact",
    )
    .option("--rebuild", "into the next generation, from the newest snapshot that a restore verified, and cut over")
    .option("--dry-run", "say what would go, change nothing")
    .option("--yes", "rebuild without asking")
    .addHelpText(
      "after",
      `
Examples:
  npm run ops -- vacuum --dry-run
  npm run --silent ops -- vacuum --rebuild --yes --json
Goes: answers kept for repeated requests (a day), jobs finished 90 days ago, packs that nothing has pointed to for longer than Time Travel
reaches back, and the change log as far as the repository's newest snapshot and the undo of a switch let it. D1 gives the space of deleted rows
back to the database, not to the account: --rebuild does that. The service answers throughout; writes wait for the cut-over as jobs. The old
generation stays for 7 days: npm run ops -- generation undo database. Safe to repeat; interrupted, it goes on.
JSON: {dry_run, bytes_before, bytes_after, removed: [{what, rows, because}], packs: {rows, objects, bytes}, full_text: [name], rebuilt: {snapshot,
database, fence_ms, deferred_writes, seconds}|null}`,
    )
    .action((options: VacuumOptions, command: Command) =>
      perform(command, (invocation) =>
        withSituation(invocation, (situation) =>
          withRepositoryIfThere(invocation, options, (repository) =>
            vacuum(invocation, situation, repository, options),
          ),
        ),
      ),
    );
}

/** Rows expire without a repository or a key for it, too; then the change log stays. */
async function withRepositoryIfThere(
  invocation: Invocation,
  options: VacuumOptions,
  work: (repository: Repository | NoRepository) => Promise<Outcome>,
): Promise<Outcome> {
  let isOpen = false;
  try {
    return await withRepository(invocation, options, null, (repository) => {
      isOpen = true;
      return work(repository);
    });
  } catch (error) {
    const isAbsent = isReason(error, "no-repository", "no-key");
    if (isOpen || !isAbsent || options.rebuild === true || options.repository !== undefined) throw error;
    return await work(error.reason);
  }
}

async function vacuum(
  invocation: Invocation,
  situation: Situation,
  repository: Repository | NoRepository,
  options: VacuumOptions,
): Promise<Outcome> {
  const { bench, live } = situation;
  const { signal, progress, stack, data_dir } = invocation;
  if (live === null)
    throw new OpsError({
      op: "vacuum",
      subject: stack,
      cause: "its live database is gone, or holds nothing of the Worker's",
      hint: "npm run ops -- restore plan",
    });
  const dry_run = options.dryRun === true;
  const [now_ms, { connection }] = [bench.now(), live];
  const bytes_before = await databaseBytes(situation, live.id);
  const log = await trimLimit(bench, repository);
  // An interrupted rebuild may have left a fence up: it is ended before anything else is written.
  const isUnderWay = options.rebuild === true && (await readRecord(bench.bucket, bench.steady)) !== null;
  const due = { now_ms, log_through: log.through, log_because: log.because, dry_run };
  const removed = isUnderWay ? [] : await removeExpired(connection, due);
  const packs = isUnderWay
    ? { rows: 0, objects: 0, bytes: 0 }
    : await removeOrphanPacks(connection, bench.bucket, { now_ms, dry_run, signal });
  const summary = [
    ...removed.map(({ what, rows, because }) => `${rows} rows of ${what} (${because})`),
    `${packs.rows} packs, ${packs.objects} of their objects (${shownBytes(packs.bytes)})`,
  ].join("\n");
  if (dry_run) {
    const data = { dry_run, bytes_before, bytes_after: bytes_before, removed, packs, full_text: [], rebuilt: null };
    return { data, text: `Would remove:\n${summary}` };
  }
  const { full_text } = isUnderWay ? { full_text: [] } : await tidyIndexes(connection, (step) => invocation.note(step));
  let rebuilt: Awaited<ReturnType<typeof rebuildDatabase>> | null = null;
  if (options.rebuild === true && typeof repository !== "string") {
    const subject = `the database of ${stack} into its next generation`;
    await confirm(invocation, { op: "rebuild", subject }, options.yes === true);
    rebuilt = await rebuildDatabase(bench, repository, connection).finally(() => progress.stop());
  }
  const { database } = await bench.target.resources();
  const now = database.generations.find(({ generation }) => generation === database.live);
  const bytes_after = await databaseBytes(situation, now?.id ?? live.id);
  const detail = { removed, packs, rebuilt: rebuilt?.database ?? null, bytes_before, bytes_after };
  await recordAction(data_dir, { stack, action: "vacuum", outcome: "done", detail }, bench.now());
  return {
    data: { dry_run, bytes_before, bytes_after, removed, packs, full_text, rebuilt },
    text: [
      `Removed:\n${summary}`,
      ...(rebuilt
        ? [
            `Rebuilt from snapshot ${rebuilt.snapshot} in ${rebuilt.seconds} s; writes waited ${rebuilt.fence_ms} ms, ${rebuilt.deferred_writes} of them. ` +
              `The old generation stays: npm run ops -- generation undo database`,
          ]
        : []),
      `Database: ${shownBytes(bytes_before)} before, ${shownBytes(bytes_after)} after.`,
    ].join("\n"),
  };
}

async function databaseBytes({ bench }: Situation, id: string): Promise<number> {
  const { file_size = 0 } = await bench.api.d1.database.get(id, { account_id: bench.account_id });
  return file_size;
}
