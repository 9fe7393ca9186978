/** `ops backup verify`: structure, bytes, then a real restore into scratch SQLite; the result is written down with the snapshot. */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { iso } from "../../worker/ground/time.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { shownBytes } from "../command/quantities.ts";
import { restoreIntoScratch, type ScratchRestore } from "../restore/scratch-restore.ts";
import { recordVerified } from "./last-verified.ts";
import { readManifest } from "./manifest.ts";
import { keepMark, withdrawMarks } from "./marks.ts";
import { repositoryOptions, withRepository } from "./open.ts";
import {
  type Finding,
  finding,
  type Repository,
  type SnapshotInfo,
  type VerifiedLevel,
  verifiedLevel,
} from "./repository/repository.ts";
import { refuseDamaged, unhurt } from "./whole-snapshot.ts";

/** Percent. */
const share = z.string().transform((text, context): number => {
  const percent = text === "all" ? 100 : Number(/^(\d{1,3}(?:\.\d+)?)%$/.exec(text)?.[1]);
  if (percent >= 0 && percent <= 100) return percent;
  context.addIssue("expected `all` or a share such as 10%");
  return z.NEVER;
});

const output = z.union([
  z.strictObject({
    snapshot: z.string(),
    passed: z.boolean(),
    level: verifiedLevel.nullable(),
    structure: z.strictObject({ snapshots: z.int(), objects: z.int(), unreferenced: z.int() }),
    data: z.strictObject({ parts_read: z.int(), bytes_read: z.int() }),
    restore: z
      .strictObject({
        tables: z.int(),
        rows: z.int(),
        full_text_indexes: z.int(),
        packs: z.strictObject({ packs: z.int(), vectors: z.int() }).nullable(),
        seconds: z.number(),
      })
      .nullable(),
    findings: z.array(finding),
    differences: z.array(z.string()),
  }),
  z.strictObject({
    dry_run: z.literal(true),
    snapshot: z.string(),
    parts: z.int(),
    bytes: z.int(),
    restore: z.boolean().describe("whether a restore into scratch SQLite would follow"),
  }),
]);

export const backupVerify = defineCommand({
  path: "backup verify",
  group: "backup",
  summary: "prove a snapshot: structure, bytes, a real restore into scratch SQLite; remembered with it",
  notes: `The restore is followed by integrity_check, foreign_key_check, counts, a hash of every table, a full-text search and a look
into every vector pack. With a key that can only write, objects are authenticated and nothing is restored.
Exit code 1 when anything is damaged or differs; what was remembered of the snapshot before is then taken back.`,
  risk: "change",
  args: z.object({
    id: z.string().default("latest").describe("snapshot, or the beginning of its id (default: latest)"),
  }),
  options: z.object({
    ...repositoryOptions.shape,
    read_data: share.prefault("all").meta({
      placeholder: "share",
      description: "how much of its bytes to read: all or n%; only `all` goes on to the restore",
    }),
  }),
  output,
  examples: ["backup verify", "backup verify 3f2a --read-data 10% --json"],
  run(invocation, { id, read_data, ...options }) {
    return withRepository(invocation, options, null, (repository) =>
      (invocation.dry_run ? planVerify : verifyBackup)(invocation, repository, id, read_data),
    );
  },
});

type Verified = Outcome<z.infer<typeof output>>;

async function planVerify(_: Invocation, repository: Repository, wanted: string, percent: number): Promise<Verified> {
  const { id, ...info } = (await repository.openSnapshot(wanted)).info;
  const [parts, bytes] = [info.parts, info.bytes].map((all) => Math.ceil((all * percent) / 100)) as [number, number];
  const restore = percent === 100 && repository.can.read;
  return {
    data: { dry_run: true, snapshot: id, parts, bytes, restore },
    text: `Would read ${counted(parts, "part")} (${shownBytes(bytes)}) of snapshot ${id}${restore ? " and restore it into scratch SQLite" : ""}.`,
  };
}

function wholeTold(whole: readonly SnapshotInfo[]): string {
  if (whole.length === 0) return "No snapshot is whole.";
  const shown = whole.slice(0, WHOLE_TOLD).map(({ id, finished_ms }) => `${id} of ${iso(finished_ms)}`);
  const others = whole.length > WHOLE_TOLD ? `, and ${whole.length - WHOLE_TOLD} older ones` : "";
  return `Nothing is missing of ${shown.join(", ")}${others}.`;
}
const WHOLE_TOLD = 5;

async function verifyBackup(
  invocation: Invocation,
  repository: Repository,
  wanted: string,
  percent: number,
): Promise<Verified> {
  const { progress } = invocation;
  const structure = await repository.verifyStructure();
  const findings: Finding[] = [...structure.findings];
  const { id } = (await repository.openSnapshot(wanted).catch(refuseDamaged(repository, null))).info;
  const lease = await repository.leaseForRestore([id]);
  try {
    progress.start("parts", 0);
    const data = await repository.verifyData(percent, {
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
    const restored = isHurt || percent < 100 || !repository.can.read ? null : await restore(invocation, repository, id);
    const differences = restored?.differences ?? [];
    const passed = differences.length === 0 && findings.every(({ severity }) => severity === "notice");
    const level = passed ? levelOf(percent, restored) : null;
    const isBad = isHurt || differences.length > 0;
    if (isBad) await withdrawMarks(invocation, repository, id);
    if (level !== null) await keepMark(invocation, repository, id, level);
    if (level === "restore") await recordVerified(invocation, repository, id);
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
        isBad
          ? `Snapshot ${id} did not pass.`
          : `Snapshot ${id} ${passed ? "is whole" : "itself is whole, its repository is not"}: ${counted(structure.objects, "object")}, ${shownBytes(data.bytes_read)} read${restored ? `, ${counted(restored.rows, "row")} restored and equal in ${restored.seconds} s` : ""}.`,
        ...(isBad
          ? [wholeTold(unhurt(await repository.listSnapshots(), findings).filter((one) => one.id !== id))]
          : []),
      ].join("\n"),
      exit_code: passed ? EXIT.done : EXIT.check_failed,
      audit: { detail: { snapshot: id, level, findings: findings.length, differences } },
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
