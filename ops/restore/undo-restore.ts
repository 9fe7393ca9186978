/** Back to what was there before the last restore: the kept generations as they are, or Time Travel; and the configuration. */
import { z } from "zod";
import { OpsError, refusal } from "../command/errors.ts";
import { fromPacks } from "../generation/copy-vectors.ts";
import { lowerFence, markFenceLifted } from "../generation/fence.ts";
import type { DatabaseFill, VectorsFill } from "../generation/fill.ts";
import { switchGeneration, switchReport } from "../generation/switch.ts";
import { changeLogHead } from "../generation/vector-rows.ts";
import { appliedMigrations } from "../migrate/ledger.ts";
import { configRestored } from "./config.ts";
import { RESTORED } from "./fills.ts";
import { alignVectors, travel, vectorsAligned } from "./in-place.ts";
import { overtakeIndexVersions, readIndexVersions } from "./index-versions.ts";
import { changeNamespace, namespaceChange } from "./key-value.ts";
import { canBeUndone, type RestoreRecord, readRestoreRecord, writeRestoreRecord } from "./restore-record.ts";
import type { Situation } from "./situation.ts";

/** The restore that can be undone. @throws OpsError with exit code 3 when there is none. */
export async function undoable({ session, resources }: Situation): Promise<RestoreRecord> {
  const refuse = (cause: string, hint: string) => refusal({ op: "undo", subject: "the last restore", cause, hint });
  const record = await readRestoreRecord(session.bucket, session.signal);
  if (record === null || record.phase === "undone" || record.phase === "given up")
    throw refuse("there is none", "npm run ops -- generation list");
  if (record.phase === "begun" && record.method === "generation") {
    throw refuse("it has not switched anything yet", "npm run ops -- restore apply goes on with it");
  }
  if (record.method === "generation") {
    const isThere =
      resources.database.generations.some(({ generation }) => generation === record.before.database) &&
      resources.vectors.generations.some(({ generation }) => generation === record.before.vectors);
    if (!canBeUndone(record) || !isThere)
      throw refuse(
        canBeUndone(record) ? "the generations before it are gone" : "there was no live database before it",
        "restore another snapshot: npm run ops -- backup list",
      );
  }
  return record;
}

const { database, vectors, fence_ms } = switchReport.shape;

export const undone = z.strictObject({
  database: z.union([database, z.strictObject({ live: z.int(), bookmark: z.string() })]),
  vectors: z.union([vectors, vectorsAligned]),
  /** Of a switch. */
  fence_ms: fence_ms.optional(),
  was_live: z.int().nullable(),
  config: configRestored,
});

/** What was written since the restore stays behind, in the generation that it made or in Time Travel. */
export async function undoRestore(situation: Situation, record: RestoreRecord): Promise<z.infer<typeof undone>> {
  const { session, live } = situation;
  const stores =
    record.method === "generation" ? await switchBack(situation, record) : await travelBack(situation, record);
  const place = { account_id: session.account_id, namespace_id: (await session.target.resources()).kv.config };
  const change = await namespaceChange(session.api, place, record.config_before ?? [], session.now());
  if (record.config_before !== null) await changeNamespace(session.api, place, change);
  await writeRestoreRecord(session.bucket, { ...record, phase: "undone" }, session.steady);
  return {
    ...stores,
    was_live: live?.generation ?? null,
    config: { written: change.write.length, removed: change.remove.length },
  };
}

async function switchBack({ session }: Situation, { before }: RestoreRecord) {
  const database: DatabaseFill = {
    id: "as it was",
    name: "nothing: it is as it was before the restore",
    prepare: async () => ({}),
    async finish({ source, target, fence, now, state }) {
      state.seq = RESTORED;
      await lowerFence(target.connection, now());
      await overtakeIndexVersions(target.connection, await readIndexVersions(source.connection));
      await markFenceLifted(target.connection, fence);
      return {};
    },
  };
  const vectors: VectorsFill = {
    id: "as it was",
    name: database.name,
    prepare: async () => ({}),
    async finish({ state }) {
      state.seq = RESTORED;
      return {};
    },
    async settle(filling) {
      Object.assign(filling.state, { copied: true, seq: await changeLogHead(filling.database) });
      return fromPacks.prepare(filling);
    },
  };
  const report = await switchGeneration(session, {
    database: { fill: database, to: before.database },
    vectors: { fill: vectors, to: before.vectors },
    by: "ops restore undo",
  });
  return { database: report.database, vectors: report.vectors, fence_ms: report.fence_ms };
}

async function travelBack({ session, existing: live }: Situation, record: RestoreRecord) {
  const { bookmark } = record;
  if (live === null || bookmark === null) {
    throw new OpsError({
      op: "undo",
      subject: "the last restore",
      cause: "the database that it changed is gone, and its Time Travel with it",
      hint: "npm run ops -- restore apply, from a snapshot",
    });
  }
  const undo_from = record.undo_from ?? {
    needs: await appliedMigrations(live.connection),
    index_versions: await readIndexVersions(live.connection),
  };
  await writeRestoreRecord(session.bucket, { ...record, undo_from }, session.steady);
  await travel(session, live, bookmark, undo_from.needs);
  await overtakeIndexVersions(live.connection, undo_from.index_versions);
  return { database: { live: live.generation, bookmark }, vectors: await alignVectors(session, live.connection) };
}
