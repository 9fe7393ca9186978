/** `ops generation cancel`: gives an interrupted switch up. */
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT, OpsError } from "../command/errors.ts";
import type { Outcome } from "../command/invocation.ts";
import type { StackResources } from "../stack/locate.ts";
import { dropGeneration, STORES, type StoreKind } from "./drop.ts";
import { lowerFence } from "./fence.ts";
import { configured } from "./live.ts";
import { RecordFile, readRecord, type SwitchRecord } from "./record.ts";
import { releaseDeferred } from "./release.ts";
import { type Database, databaseOf, type Workbench, withWorkbench } from "./stores.ts";

const output = z.union([
  z.strictObject({ stack: z.enum(STACKS), deferred_writes: z.number(), dropped: z.array(z.string()) }),
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
  summary: "give an interrupted switch up: writers go on with the live stores",
  notes:
    "Lifts the write fence, sees the deferred writes done, and drops the generations that were begun; those that an undo was going back to stay. Exit code 3: there is nothing to cancel, or the Worker has taken the new generation over.",
  risk: "change",
  output,
  examples: ["generation cancel --dry-run", "generation cancel"],
  run: (invocation) =>
    withWorkbench(invocation, async (bench): Promise<Outcome<z.infer<typeof output>>> => {
      const { stack, dry_run } = invocation;
      if (dry_run) {
        const { record } = await cancellable(bench);
        const would_drop = (await begunGenerations(bench, record)).map(nameOf);
        const text = `Would lift the fence, apply the deferred writes, and drop ${would_drop.join(" and ") || "nothing"}.`;
        return { data: { stack, dry_run, step: record.step, would_drop }, text };
      }
      const cancelled = await cancelSwitch(bench);
      return {
        data: { stack, ...cancelled },
        text: `Given up. ${cancelled.deferred_writes} deferred writes were applied.`,
        audit: { detail: cancelled },
      };
    }),
});

interface Begun {
  store: StoreKind;
  generation: number;
}

function nameOf({ store, generation }: Begun): string {
  return `${store} g${generation}`;
}

interface Cancellable {
  record: SwitchRecord;
  resources: StackResources;
  live: Database;
}

/** The switch to cancel. @throws OpsError with exit code 3 when there is none, or the takeover is done already. */
async function cancellable(bench: Workbench): Promise<Cancellable> {
  const found = await readRecord(bench.bucket, bench.steady);
  const refuse = (cause: string, hint: string) =>
    new OpsError({ op: "cancel", subject: "a switch", cause, hint }, { exit_code: EXIT.refused });
  if (found === null) throw refuse("none is under way", "npm run ops -- generation list");
  const { step, database, vectors } = found.value;
  const resources = await bench.target.resources();
  const isLive = database?.to === resources.database.live || vectors?.to === resources.vectors.live;
  if (step === "switched" || isLive) {
    throw refuse(
      "the Worker has taken the new generation over",
      "npm run ops -- generation resume, then generation undo",
    );
  }
  const live = databaseOf(bench, resources, resources.database.live);
  if (live === undefined) throw refuse("the live database is not there", "npm run ops -- drift");
  return { record: found.value, resources, live };
}

/** What the switch made itself, as far as it is declared; not what an undo goes back to. */
async function begunGenerations(bench: Workbench, record: SwitchRecord): Promise<Begun[]> {
  const config = await configured(bench);
  return STORES.flatMap((store) => {
    const move = record[store];
    const isDeclared = config[store].generations.some(
      (one) => (typeof one === "number" ? one : one.generation) === move?.to,
    );
    if (move === null || move.fill.startsWith("replay ") || !isDeclared) return [];
    return [{ store, generation: move.to }];
  });
}

/**
 * Lifts the fence of the live database, sees the deferred writes done, and drops the generations that were begun; those
 * that an undo was going back to stay.
 * @throws OpsError with exit code 3 when there is nothing to cancel, the takeover is done already, or a process is at work on it.
 */
export async function cancelSwitch(bench: Workbench): Promise<{ deferred_writes: number; dropped: string[] }> {
  const { record, resources, live } = await cancellable(bench);
  const file = await RecordFile.open(bench.bucket, bench.steady, () => record);
  await lowerFence(live.connection, bench.now());
  const deferred_writes = await releaseDeferred(bench, resources.queues.ingest.id, live.connection);
  const begun = await begunGenerations(bench, record);
  for (const { store, generation } of begun) await dropGeneration(bench, store, generation);
  await file.remove();
  return { deferred_writes, dropped: begun.map(nameOf) };
}
