/** `ops backup verify`: structure, bytes, then a real restore into scratch SQLite; the result is written down with the snapshot. */
import { type Command, InvalidArgumentError } from "commander";
import { EXIT } from "../command/errors.ts";
import { type Invocation, type Outcome, perform } from "../command/invocation.ts";
import { recordAction } from "../command/journal.ts";
import { restoreIntoScratch, type ScratchRestore } from "../restore/scratch-restore.ts";
import { readManifest } from "./manifest.ts";
import { type RepositoryOptions, withRepository, withRepositoryOptions } from "./open.ts";
import type { Finding, Repository, VerifiedLevel } from "./repository/repository.ts";
import { shownBytes } from "./shown.ts";

interface VerifyOptions extends RepositoryOptions {
  readData: number;
}

export function registerBackupVerify(backup: Command): void {
  withRepositoryOptions(backup.command("verify").argument("[id]", "snapshot, or the beginning of its id", "latest"))
    .description("prove a snapshot: structure, bytes, a real restore into scratch SQLite; remembered with it")
    .option(
      "--read-data <share>",
      "how much of its bytes to read: all or n%; only `all` goes on to the restore",
      share,
      100,
    )
    .addHelpText(
      "after",
      `
Examples:
  npm run ops -- backup verify
  npm run --silent ops -- backup verify 3f2a --read-data 10% --json
The restore is followed by integrity_check, foreign_key_check, counts, a hash of every table, a full-text search and a look
into every vector pack. With a key that can only write, objects are authenticated and nothing is restored.
Exit code 1 when anything is damaged or differs.
JSON: {snapshot, passed, level: "structure"|"data"|"restore"|null, structure: {snapshots, objects, unreferenced}, data: {parts_read,
bytes_read}, restore: {tables, rows, full_text_indexes, packs: {packs, vectors}|null, seconds}|null, findings: [{severity, object,
cause, hint, snapshots}], differences: [text]}`,
    )
    .action((id: string, options: VerifyOptions, command: Command) =>
      perform(command, (invocation) =>
        withRepository(invocation, options, null, (repository) => verifyBackup(invocation, repository, id, options)),
      ),
    );
}

function share(text: string): number {
  if (text === "all") return 100;
  const percent = Number(/^(\d{1,3}(?:\.\d+)?)%$/.exec(text)?.[1]);
  if (percent >= 0 && percent <= 100) return percent;
  throw new InvalidArgumentError("It is `all` or a share such as 10%.");
}

async function verifyBackup(
  invocation: Invocation,
  repository: Repository,
  wanted: string,
  options: VerifyOptions,
): Promise<Outcome> {
  const { progress, stack, data_dir } = invocation;
  const structure = await repository.verifyStructure();
  const findings: Finding[] = [...structure.findings];
  const { id } = (await repository.openSnapshot(wanted)).info;
  const lease = await repository.leaseForRestore([id]);
  try {
    progress.start("parts", 0);
    const data = await repository.verifyData(options.readData, {
      only: id,
      on_progress: (done, total) => {
        if (done === 1) progress.start("parts", total);
        progress.update(done);
      },
    });
    progress.stop();
    for (const found of data.findings) {
      if (!findings.some(({ object, cause }) => object === found.object && cause === found.cause)) findings.push(found);
    }
    const isHurt = findings.some(({ severity, snapshots }) => severity === "damage" && snapshots.includes(id));
    const restored =
      isHurt || options.readData < 100 || !repository.can.read ? null : await restore(invocation, repository, id);
    const differences = restored?.differences ?? [];
    const passed = differences.length === 0 && findings.every(({ severity }) => severity === "notice");
    const level = passed ? levelOf(options.readData, restored) : null;
    if (level !== null && repository.can.write) await repository.recordVerification(id, level);
    const outcome = passed ? "done" : "failed";
    const detail = { snapshot: id, level, findings: findings.length, differences };
    await recordAction(data_dir, { stack, action: "backup verify", outcome, detail }, Date.now());
    return {
      data: {
        snapshot: id,
        passed,
        level,
        structure: {
          snapshots: structure.snapshots,
          objects: structure.objects,
          unreferenced: structure.unreferenced,
        },
        data: { parts_read: data.parts_read, bytes_read: data.bytes_read },
        restore: restored && withoutDifferences(restored),
        findings,
        differences,
      },
      text: [
        ...findings.map(({ severity, object, cause, hint }) => `${severity}: ${object} ${cause}. Try: ${hint}`),
        ...differences.map((difference) => `differs: ${difference}`),
        passed
          ? `Snapshot ${id} is whole: ${structure.objects} objects, ${shownBytes(data.bytes_read)} read${restored ? `, ${restored.rows} rows restored and equal in ${restored.seconds} s` : ""}.`
          : `Snapshot ${id} did not pass.`,
      ].join("\n"),
      exit_code: passed ? EXIT.done : EXIT.check_failed,
    };
  } finally {
    progress.stop();
    await lease.release();
  }
}

async function restore({ progress, signal }: Invocation, repository: Repository, id: string): Promise<ScratchRestore> {
  const snapshot = await repository.openSnapshot(id);
  const manifest = await readManifest(snapshot);
  progress.start("rows", manifest.summary.database.rows);
  return await restoreIntoScratch(snapshot, manifest, {
    signal,
    on_step: () => {},
    on_rows: (rows) => progress.update(rows),
  });
}

function levelOf(percent: number, restored: ScratchRestore | null): VerifiedLevel {
  if (restored !== null) return "restore";
  return percent === 100 ? "data" : "structure";
}

function withoutDifferences({ differences: _, packs, ...rest }: ScratchRestore) {
  return { ...rest, packs: packs && { packs: packs.packs, vectors: packs.vectors } };
}
