/** `ops vacuum`: what has served its time goes, indexes are put in order, and with `--rebuild` the database is made anew, compact. */
import { z } from "zod";
import { liveOf } from "../../infra/outputs.ts";
import { counted } from "../../worker/ground/counted.ts";
import { repositoryOptions } from "../backup/open.ts";
import { keptOptions } from "../backup/place.ts";
import type { Repository } from "../backup/repository/repository.ts";
import { defineCommand } from "../command/define.ts";
import { OpsError } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { shownBytes } from "../command/quantities.ts";
import { type Situation, withSituation } from "../restore/situation.ts";
import { carryOutSweep, removed, sweepsDue } from "./expired.ts";
import { type NoRepository, trimLimit, withRepositoryIfThere } from "./needed-log.ts";
import { packsRemoved, removeOrphanPacks } from "./orphan-packs.ts";
import { orphanVectors, removeOrphanVectors } from "./orphan-vectors.ts";
import { type Rebuilt, rebuildDatabase, rebuildSource, rebuilt } from "./rebuild.ts";
import { tidyIndexes } from "./tidy-indexes.ts";

const options = z.object({
  ...repositoryOptions.shape,
  rebuild: z
    .boolean()
    .optional()
    .describe("into the next generation, from the newest snapshot that a restore verified, and cut over"),
});
type VacuumOptions = z.output<typeof options>;

const output = z.strictObject({
  dry_run: z.boolean(),
  bytes_before: z.int(),
  bytes_after: z.int(),
  removed: z.array(removed),
  packs: packsRemoved,
  /** Of the live index, that no chunk has. */
  vectors: orphanVectors,
  /** Indexes that were merged. */
  full_text: z.array(z.string()),
  rebuilt: rebuilt.nullable(),
});
type Vacuumed = Outcome<z.infer<typeof output>>;

export const vacuum = defineCommand({
  path: "vacuum",
  group: "data",
  summary:
    "remove expired and orphaned rows and vectors, optimize full-text, renew statistics; --rebuild makes the database anew, compact",
  notes: `Goes: answers kept for repeated requests (a day), jobs, ratings and dead letters of 90 days ago, packs that nothing has pointed to for longer than Time Travel
reaches back, vectors of the live index that no chunk has (all ids are listed, 1000 a request), and the change log as far as the repository's
newest snapshot and the undo of a switch let it. D1 gives the space of deleted rows back to the database, not to the account: --rebuild does that,
and asks. The service answers throughout; writes wait for the cut-over as jobs. The old generation stays for 7 days:
npm run ops -- generation undo database. Safe to repeat; interrupted, it goes on.`,
  risk: "change",
  asks: true,
  options,
  output,
  examples: ["vacuum --dry-run", "vacuum --rebuild --yes --json"],
  run: (invocation, options) =>
    withSituation(invocation, (situation) =>
      withRepositoryIfThere(invocation, options, options.rebuild === true, (repository) =>
        clean(invocation, situation, repository, options),
      ),
    ),
});

async function clean(
  invocation: Invocation,
  situation: Situation,
  repository: Repository | NoRepository,
  options: VacuumOptions,
): Promise<Vacuumed> {
  const { session, live } = situation;
  const { signal, progress, stack, dry_run } = invocation;
  if (live === null)
    throw new OpsError({
      op: "vacuum",
      subject: stack,
      cause: "its live database is gone, or holds nothing of the Worker's",
      hint: "npm run ops -- restore plan",
    });
  const [now_ms, { connection }] = [session.now(), live];
  const rebuilding =
    options.rebuild === true && typeof repository !== "string"
      ? { repository, source: await rebuildSource(session, repository, connection) }
      : null;
  if (rebuilding !== null && !dry_run)
    await invocation.confirm({ op: "rebuild", subject: `the database of ${stack} into its next generation` });
  const bytes_before = await databaseBytes(situation, live.id);
  const log = await trimLimit(session, repository, rebuilding?.source);
  // An interrupted rebuild may have left a fence up: it is ended before anything else is written.
  const isUnderWay = rebuilding?.source.is_under_way === true;
  const due = { now_ms, log_through: log.through, log_because: log.because };
  const removed: z.infer<typeof output>["removed"] = [];
  for (const sweep of isUnderWay ? [] : sweepsDue(due)) removed.push(await carryOutSweep(connection, sweep, dry_run));
  const packs = isUnderWay
    ? { rows: 0, objects: 0, bytes: 0 }
    : await removeOrphanPacks(connection, session.bucket, { now_ms, dry_run, signal });
  const vectors = isUnderWay ? { orphans: 0, removed: 0 } : await removeOrphanVectors(session, connection, { dry_run });
  const summary = [
    ...removed.map(({ what, rows, because }) => `${counted(rows, "row")} of ${what} (${because})`),
    `${counted(packs.rows, "pack")}, ${packs.objects} of their objects (${shownBytes(packs.bytes)})`,
    `${counted(vectors.orphans, "vector")} that no chunk has`,
  ].join("\n");
  if (dry_run) {
    const untouched = { bytes_after: bytes_before, full_text: [], rebuilt: null };
    return {
      data: { dry_run, bytes_before, removed, packs, vectors, ...untouched },
      text: `Would remove:\n${summary}`,
    };
  }
  const { full_text } = isUnderWay ? { full_text: [] } : await tidyIndexes(connection, (step) => invocation.note(step));
  let rebuilt: Rebuilt | null = null;
  if (rebuilding !== null)
    rebuilt = await rebuildDatabase(session, rebuilding.repository, rebuilding.source, keptOptions(options)).finally(
      () => progress.stop(),
    );
  const { database } = await session.target.resources();
  const now = liveOf(database);
  const bytes_after = await databaseBytes(situation, now?.id ?? live.id);
  return {
    data: { dry_run, bytes_before, bytes_after, removed, packs, vectors, full_text, rebuilt },
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
    audit: { detail: { removed, packs, vectors, rebuilt: rebuilt?.database ?? null, bytes_before, bytes_after } },
  };
}

async function databaseBytes({ session }: Situation, id: string): Promise<number> {
  const { file_size = 0 } = await session.api.d1.database.get(id, { account_id: session.account_id });
  return file_size;
}
