/** Gives an interrupted switch up. */
import { EXIT, OpsError } from "../command/errors.ts";
import { dropGeneration } from "./drop.ts";
import { lowerFence } from "./fence.ts";
import { configured } from "./live.ts";
import { RecordFile, readRecord } from "./record.ts";
import { releaseDeferred } from "./release.ts";
import { databaseOf, type Workbench } from "./stores.ts";

/**
 * Lifts the fence of the live database, sees the deferred writes done, and drops the generations that were begun; those
 * that an undo was going back to stay.
 * @throws OpsError with exit code 3 when there is nothing to cancel, or the takeover is done already.
 */
export async function cancelSwitch(bench: Workbench): Promise<{ deferred_writes: number; dropped: string[] }> {
  const found = await readRecord(bench.bucket, bench.steady);
  const refuse = (cause: string, hint: string) =>
    new OpsError({ op: "cancel", subject: "a switch", cause, hint }, { exit_code: EXIT.refused });
  if (found === null) throw refuse("none is under way", "npm run ops -- generation list");
  const file = await RecordFile.open(bench.bucket, bench.steady, () => found.value);
  const { step, database, vectors } = file.value;
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
  await lowerFence(live.connection, bench.now());
  const deferred_writes = await releaseDeferred(bench, resources.queues.ingest.id, live.connection);
  const dropped: string[] = [];
  const config = await configured(bench);
  for (const [store, move] of [
    ["database", database],
    ["vectors", vectors],
  ] as const) {
    const isDeclared = config[store].generations.some(
      (one) => (typeof one === "number" ? one : one.generation) === move?.to,
    );
    if (move === null || move.fill.startsWith("replay ") || !isDeclared) continue;
    await dropGeneration(bench, store, move.to);
    dropped.push(`${store} g${move.to}`);
  }
  await file.remove();
  return { deferred_writes, dropped };
}
