/**
 * A switch to new generations where the live database is gone or empty: nobody can write, so there is nothing to fence, to
 * follow or to go back to. Kept in the same record as any other switch, so that an interrupted one goes on.
 */

import { OpsError } from "../command/errors.ts";
import type { D1Connection } from "../d1/connection.ts";
import type { VectorsFill } from "../generation/fill.ts";
import { configured, declareGenerations, pinOfDeployedCode, takeOver } from "../generation/live.ts";
import { RecordFile, type SwitchRecord, writeWayBack } from "../generation/record.ts";
import { databaseOf, type StoreSession } from "../generation/stores.ts";
import { type DatabaseTarget, RESTORED } from "./fills.ts";

interface LostStores {
  /** Tells this restore from another one in the record of an interrupted switch. */
  id: string;
  dimensions: number;
  fillDatabase(target: DatabaseTarget): Promise<Record<string, unknown>>;
  vectors: VectorsFill;
}

interface StoresReplaced {
  database: { from: number; to: number } & Record<string, unknown>;
  vectors: { from: number; to: number } & Record<string, unknown>;
}

/** @throws OpsError with exit code 3 while another process switches; otherwise what failed: repeat it to go on. */
export async function replaceLostStores(session: StoreSession, request: LostStores): Promise<StoresReplaced> {
  const config = await configured(session);
  const next = (live: number, numbers: readonly number[]) => Math.max(live, ...numbers) + 1;
  const fresh = (): SwitchRecord => ({
    step: "create",
    begun_at_ms: session.now(),
    holder: { host: "", pid: 0, machine: null },
    signs: 0,
    database: {
      from: config.database.live,
      to: next(config.database.live, config.database.generations),
      fill: request.id,
      is_return: false,
      state: {},
    },
    vectors: {
      from: config.vectors.live,
      to: next(
        config.vectors.live,
        config.vectors.generations.map(({ generation }) => generation),
      ),
      fill: request.id,
      is_return: false,
      state: {},
      dimensions: request.dimensions,
    },
    embedding_model: null,
    opened: null,
  });
  const file = await RecordFile.open(session.bucket, session.steady, fresh);
  try {
    return await replace(session, request, file, fresh);
  } finally {
    file.close();
  }
}

async function replace(
  session: StoreSession,
  request: LostStores,
  file: RecordFile,
  fresh: () => SwitchRecord,
): Promise<StoresReplaced> {
  // What another switch was to take from the database that is gone it can never finish.
  if (file.value.database?.fill !== request.id) file.value = { ...fresh(), holder: file.value.holder };
  const { value: record } = file;
  const { database, vectors } = record;
  if (database === null || vectors === null) throw new Error("a restore replaces both stores");
  const filled: { database: Record<string, unknown>; vectors: Record<string, unknown> } = { database: {}, vectors: {} };
  if (record.step !== "switched") {
    await declareGenerations(session, record);
    record.step = "fill";
    await file.save();
    const target = databaseOf(session, await session.target.resources(), database.to);
    if (target === undefined) throw notMade(`generation ${database.to} of the database`);
    filled.database = await request.fillDatabase({ target, progress: session.progress, signal: session.signal });
    filled.vectors = await request.vectors.prepare(await vectorsFilling(session, file, target.connection));
    // From here `switchGeneration` can end it, which finds a living database if this is interrupted now.
    record.step = "fenced";
    Object.assign(database.state, { seq: RESTORED });
    Object.assign(vectors.state, { seq: RESTORED });
    await file.save();
    await takeOver(session, record, await pinOfDeployedCode(session));
    await leaveOthers(session, record);
    record.step = "switched";
    await file.save();
  }
  await file.remove();
  return {
    database: { from: database.from, to: database.to, ...filled.database },
    vectors: { from: vectors.from, to: vectors.to, ...filled.vectors },
  };
}

/**
 * What is left of the others, such as an index without its database, ends seven days from now. There is no way back to them: the way that
 * is written down leads nowhere (`to` is not live).
 */
async function leaveOthers(session: StoreSession, record: SwitchRecord): Promise<void> {
  const resources = await session.target.resources();
  for (const store of ["database", "vectors"] as const) {
    const { from, to } = record[store] ?? {};
    if (from === undefined) continue;
    const way = { store, from, to: from, at_ms: session.now(), seq: RESTORED, embedding_model: null };
    const others = resources[store].generations.map(({ generation }) => generation).filter((one) => one !== to);
    await writeWayBack(session.bucket, way, others, session.steady);
  }
}

async function vectorsFilling(session: StoreSession, file: RecordFile, database: D1Connection) {
  const { generations } = (await session.target.resources()).vectors;
  const move = file.value.vectors;
  const target = generations.find(({ generation }) => generation === move?.to);
  if (target === undefined || move === null) throw notMade("the new generation of the vector index");
  const { progress, signal, now } = session;
  return { state: move.state, save: () => file.save(), progress, signal, now, session, database, next: null, target };
}

function notMade(subject: string): OpsError {
  return new OpsError({
    op: "find",
    subject,
    cause: "the deployment that declares it did not make it",
    hint: "npm run ops -- drift, then repeat the command",
  });
}
