/** One snapshot restored into scratch stores, compared bit for bit, asked, and the scratch deleted. */
import { z } from "zod";
import { readManifest } from "../backup/manifest.ts";
import type { Repository } from "../backup/repository/repository.ts";
import { decodeEntries } from "../backup/snapshot/config-namespace.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { OpsError, refusal } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { compareDatabase } from "../restore/compare-database.ts";
import { shownCheck } from "../restore/derived-checks.ts";
import { loadDatabase } from "../restore/load-database.ts";
import { askGoldenQueries } from "./golden-queries.ts";
import { removeAbandonedScratch, scratchStores } from "./scratch-stores.ts";
import { fillScratchIndex } from "./scratch-vectors.ts";

export const rehearsal = z.strictObject({
  passed: z.boolean(),
  snapshot: z.string(),
  state_at: z.iso.datetime(),
  /** What would have been lost, had the disaster been now. */
  rpo_s: z.number(),
  /** From opening the snapshot to the last right answer. */
  rto_s: z.number(),
  database: z.strictObject({ tables: z.int(), rows: z.int(), full_text_indexes: z.int() }),
  vectors: z.strictObject({ vectors: z.int(), compared: z.int() }),
  config_keys: z.int(),
  golden: z.strictObject({ asked: z.int(), answered: z.int() }),
  /** Everything that is not as the manifest says; empty when it passed. */
  differences: z.array(z.string()),
  /** Scratch that could not be deleted. */
  left_behind: z.array(z.string()),
});
export type Rehearsal = z.infer<typeof rehearsal>;

/** @throws OpsError when the snapshot is damaged or the scratch cannot be made. */
export async function rehearse(
  invocation: Pick<Invocation, "target" | "signal" | "progress" | "note" | "now">,
  repository: Repository,
  id: string,
): Promise<Rehearsal> {
  const { progress, signal, now } = invocation;
  const began_ms = now();
  const snapshot = await repository.openSnapshot(id);
  const lease = await repository.leaseForRestore([snapshot.info.id]);
  try {
    await refuseDamaged(repository, snapshot.info.id);
    const manifest = await readManifest(snapshot);
    const { stores } = manifest.body;
    const { buckets } = manifest.inventory;
    if (stores === null || buckets === null) throw withoutStores(snapshot.info.id);
    const address = await (await invocation.target()).api();
    const api = createCloudflare(address, { signal });
    const { account_id } = address;
    for (const what of await removeAbandonedScratch(api, account_id, began_ms))
      invocation.note(`Deleted ${what}, which an earlier drill left behind when it was killed`);
    const scratch = await scratchStores(api, account_id, stores.index);
    let left_behind: string[] = [];
    try {
      const { rows } = manifest.summary.database;
      const hooks = { signal, on_rows: (done: number) => progress.update(done) };
      progress.start("restore rows", rows);
      await loadDatabase(snapshot, manifest, scratch.connection, hooks);
      progress.start("compare rows", rows);
      const database = await compareDatabase(scratch.connection, manifest, hooks);
      progress.stop();
      const vectors = await fillScratchIndex(snapshot, buckets.vectors, scratch, signal);
      const config_keys = decodeEntries(await snapshot.readPart(stores.config.part)).length;
      const place = { account_id, index: scratch.name };
      const golden = await askGoldenQueries(api, place, scratch.connection, vectors.samples);
      const done_ms = now();
      left_behind = await scratch.remove();
      const differences = [
        ...database.differences,
        ...database.failed_checks.map(shownCheck),
        ...vectors.differences,
        ...golden.misses.map((miss) => `not found: ${miss}`),
        ...(config_keys === stores.config.keys ? [] : ["the configuration has another number of keys"]),
      ];
      return {
        passed: differences.length === 0 && left_behind.length === 0,
        snapshot: snapshot.info.id,
        state_at: new Date(manifest.summary.state_at_ms).toISOString(),
        rpo_s: seconds(began_ms - manifest.summary.state_at_ms),
        rto_s: seconds(done_ms - began_ms),
        database: {
          tables: database.tables,
          rows: database.rows,
          full_text_indexes: database.full_text_indexes,
        },
        vectors: { vectors: vectors.vectors, compared: vectors.compared },
        config_keys,
        golden: { asked: golden.asked, answered: golden.answered },
        differences,
        left_behind,
      };
    } catch (error) {
      left_behind = await scratch.remove();
      for (const what of left_behind) invocation.note(`Left behind: ${what}`);
      throw error;
    }
  } finally {
    await lease.release();
  }
}

async function refuseDamaged(repository: Repository, id: string): Promise<void> {
  const { findings } = await repository.verifyData(100, { only: id });
  const [first] = findings.filter(({ severity, snapshots }) => severity === "damage" && snapshots.includes(id));
  if (first === undefined) return;
  throw new OpsError({ op: "drill", subject: first.object, cause: `snapshot ${id}: ${first.cause}`, hint: first.hint });
}

function withoutStores(id: string): OpsError {
  return refusal({
    op: "drill",
    subject: `snapshot ${id}`,
    cause: "it holds a database alone",
    hint: "name a snapshot that npm run ops -- backup create made of a stack",
  });
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
