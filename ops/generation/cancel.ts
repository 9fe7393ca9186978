/** `ops generation cancel`: gives an interrupted switch up. */
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { counted } from "../../worker/ground/counted.ts";
import { defineCommand } from "../command/define.ts";
import { refusal } from "../command/errors.ts";
import type { Outcome } from "../command/invocation.ts";
import { readRestoreRecord, writeRestoreRecord } from "../restore/restore-record.ts";
import { lowerFence } from "./fence.ts";
import { dropGenerations, type Named, nameOf, STORES } from "./generations.ts";
import { bind, configured, numbersOf } from "./live.ts";
import { RecordFile, readRecord, type SwitchRecord, wayOn } from "./record.ts";
import { deferredObjects, tryRelease } from "./release.ts";
import { conditionOf, type Database, databaseOf, type StoreSession, withSession } from "./stores.ts";

const cancelled = z.strictObject({
  deferred_writes: z.int().describe("writes that waited and were applied"),
  deferred_waiting: z
    .int()
    .describe("objects of writes that nobody can apply now: kept for a live database that can take them"),
  dropped: z.array(z.string()),
});

const output = z.union([
  cancelled.extend({ stack: z.enum(STACKS) }),
  z.strictObject({
    stack: z.enum(STACKS),
    dry_run: z.literal(true),
    step: z.string(),
    would_drop: z.array(z.string()),
  }),
]);

export const generationCancel = defineCommand({
  path: "generation cancel",
  group: "data",
  summary: "give an interrupted move, undo or restore up: writers go on with the live stores, whatever is missing",
  notes:
    "Lifts the write fence, sees the deferred writes done, and drops the generations that were begun; those that an undo was going back to stay. Exit code 3: there is nothing to cancel, or the Worker has taken the new generation over.",
  risk: "change",
  output,
  examples: ["generation cancel --dry-run", "generation cancel"],
  run: (invocation) =>
    withSession(invocation, async (session): Promise<Outcome<z.infer<typeof output>>> => {
      const { stack, dry_run } = invocation;
      if (dry_run) {
        const { record } = await cancellable(session);
        const would_drop = (await begunGenerations(session, record)).map(nameOf);
        const text = `Would lift the fence, apply the deferred writes, and drop ${would_drop.join(" and ") || "nothing"}.`;
        return { data: { stack, dry_run, step: record.step, would_drop }, text };
      }
      const detail = await cancelSwitch(session);
      const waiting =
        detail.deferred_waiting === 0
          ? ""
          : ` ${counted(detail.deferred_waiting, "object")} of others are kept, and wait.`;
      return {
        data: { stack, ...detail },
        text: `Given up. ${detail.deferred_writes} deferred writes were applied.${waiting}`,
        audit: { detail },
      };
    }),
});

interface Cancellable {
  record: SwitchRecord;
  live: Database | undefined;
}

/** The switch to cancel. @throws OpsError with exit code 3 when there is none, or the takeover is done already. */
async function cancellable(session: StoreSession): Promise<Cancellable> {
  const found = await readRecord(session.bucket, session.steady);
  const refuse = (cause: string, hint: string) => refusal({ op: "cancel", subject: "a switch", cause, hint });
  if (found === null) throw refuse("none is under way", "npm run ops -- generation list");
  const { step, database, vectors } = found.value;
  const resources = await session.target.resources();
  const live = databaseOf(session, resources, resources.database.live);
  // Where the live database is gone its number is a guess, and may be the new one's.
  const isLive = (live !== undefined && database?.to === live.generation) || vectors?.to === resources.vectors.live;
  if (step === "switched" || isLive) {
    throw refuse("the Worker has taken the new generation over", `${wayOn(found.value)} ends it; then undo it`);
  }
  return { record: found.value, live };
}

/** What the switch made itself, as far as it is declared; not what an undo goes back to. */
async function begunGenerations(session: StoreSession, record: SwitchRecord): Promise<Named[]> {
  const config = await configured(session);
  return STORES.flatMap((store) => {
    const move = record[store];
    if (move === null || move.is_return || !numbersOf(config[store]).includes(move.to)) return [];
    return [{ store, generation: move.to }];
  });
}

/**
 * Lifts the fence of the live database, sees the deferred writes done, and drops the generations that were begun; those
 * that an undo was going back to stay. Works whatever is missing: a live store, a new one, the fence itself.
 * @throws OpsError with exit code 3 when there is nothing to cancel, the takeover is done already, or a process is at work on it.
 */
export async function cancelSwitch(session: StoreSession): Promise<z.infer<typeof cancelled>> {
  const { record, live } = await cancellable(session);
  const file = await RecordFile.open(session.bucket, session.steady, () => record);
  try {
    const deferred = await letWrite(session, live);
    // It may have been interrupted between the configuration and the deployment.
    if (record.step === "fenced") await bind(session, record, "from");
    const begun = await begunGenerations(session, record);
    await dropGenerations(session, begun);
    await giveRestoreUp(session);
    await file.remove();
    return { deferred_writes: deferred.applied, deferred_waiting: deferred.waiting, dropped: begun.map(nameOf) };
  } finally {
    file.close();
  }
}

async function letWrite(session: StoreSession, live: Database | undefined) {
  const condition = live === undefined ? "gone" : await conditionOf(live);
  if (live !== undefined && condition !== "gone") await lowerFence(live.connection, session.now());
  if (live !== undefined && condition === "serving") return tryRelease(session, live.connection);
  return { applied: 0, waiting: (await deferredObjects(session)).length };
}

/** A restore that began the switch must not be taken up again as if its generations were there. */
async function giveRestoreUp({ bucket, steady }: StoreSession): Promise<void> {
  const record = await readRestoreRecord(bucket, steady);
  if (record?.method === "generation" && record.phase === "begun")
    await writeRestoreRecord(bucket, { ...record, phase: "given up" }, steady);
}
