/**
 * The one way in which a data store is replaced: another generation beside the live one, filled while the service works,
 * taken over while writers wait, and the old one kept. Both stores can go in one step.
 *
 * Every step can be repeated. An interrupted switch goes on where it was; one that fails before the takeover leaves the live
 * stores as they were, with writers at work.
 */
import { z } from "zod";
import { liveOf } from "../../infra/outputs.ts";
import { isReason, OpsError } from "../command/errors.ts";
import type { StackResources } from "../stack/target.ts";
import { type FenceRequest, lowerFence, raiseFence } from "./fence.ts";
import {
  type DatabaseFill,
  type DatabaseFilled,
  type DatabaseFilling,
  databaseFilled,
  type VectorsFill,
  type VectorsFilled,
  type VectorsFilling,
  vectorsFilled,
} from "./fill.ts";
import { dropExpired } from "./generations.ts";
import { declareGenerations, isTakenOver, pinOfDeployedCode, refuseDuringRollout, takeOver } from "./live.ts";
import {
  type ModelChange,
  type Move,
  RecordFile,
  refuseOther,
  type Step,
  type SwitchRecord,
  writeWayBack,
} from "./record.ts";
import { releaseDeferred } from "./release.ts";
import { type Database, databaseOf, type StoreSession } from "./stores.ts";

export interface SwitchRequest {
  /** `to`: an existing generation (an undo); a new one without it. */
  database?: { fill: DatabaseFill; to?: number };
  /** `dimensions` of a new index; those of the live one without it. */
  vectors?: { fill: VectorsFill; to?: number; dimensions?: number };
  /** Where another model takes over with both stores. */
  embedding_model?: ModelChange;
  /** The repository that it fills from, as the command was told it. */
  opened?: SwitchRecord["opened"];
  /** For the fence and the record: the command. */
  by: string;
}

const moved = z.strictObject({ from: z.int(), to: z.int(), fill: z.string() });

export const switchReport = z.strictObject({
  database: moved.extend(databaseFilled.shape).nullable(),
  vectors: moved.extend(vectorsFilled.shape).nullable(),
  fence_ms: z.number().describe("how long writes were deferred; reads never waited"),
  deferred_writes: z.int(),
  seconds: z.number(),
  dropped: z.array(z.string()).describe("generations whose undo window was over"),
});
export type SwitchReport = z.infer<typeof switchReport>;

/**
 * Does the switch, or goes on with an interrupted one of the same kind.
 * @throws OpsError: exit code 3 while another switch is under way or was interrupted; otherwise what failed, with the live
 * stores as before unless it says that the switch is done.
 */
export async function switchGeneration(session: StoreSession, request: SwitchRequest): Promise<SwitchReport> {
  const begun_ms = session.now();
  await refuseDuringRollout(session);
  const resources = await session.target.resources();
  const file = await RecordFile.open(session.bucket, session.steady, () => newRecord(session, request, resources));
  try {
    refuseOther(file.value, { database: request.database?.fill.id, vectors: request.vectors?.fill.id });
    return await new Switch(session, request, file, resources).run(begun_ms);
  } finally {
    file.close();
  }
}

class Switch {
  readonly #session: StoreSession;
  readonly #request: SwitchRequest;
  readonly #file: RecordFile;
  /** As it was after the last deployment: asking takes eight requests. */
  #resources: StackResources;
  readonly #results: { database: DatabaseFilled; vectors: VectorsFilled } = { database: {}, vectors: {} };

  constructor(session: StoreSession, request: SwitchRequest, file: RecordFile, resources: StackResources) {
    this.#resources = resources;
    this.#session = session;
    this.#request = request;
    this.#file = file;
  }

  async run(begun_ms: number): Promise<SwitchReport> {
    const { value: record } = this.#file;
    let fence_ms = 0;
    // Interrupted after the deployment: the new stores are written to already, and must not be filled again.
    if (record.step === "fenced" && isTakenOver(record, this.#resources)) {
      await this.#letWrite();
      await this.#conclude();
    }
    if (record.step !== "switched") {
      await declareGenerations(this.#session, record);
      this.#resources = await this.#session.target.resources();
      await this.#at("fill");
      await this.#prepare();
      fence_ms = await this.#takeOver();
    }
    const { database } = record;
    const live = this.#database(database === null ? null : database.to);
    const deferred_writes = await releaseDeferred(this.#session, live.connection);
    const { vectors } = this.#request;
    if (vectors?.fill.settle) {
      Object.assign(this.#results.vectors, await vectors.fill.settle(this.#vectorsFilling()));
    }
    await this.#file.remove();
    const makesNew = [database, record.vectors].some((move) => move?.is_return === false);
    const seconds = Math.round((this.#session.now() - begun_ms) / 100) / 10;
    return {
      database: database && { from: database.from, to: database.to, fill: database.fill, ...this.#results.database },
      vectors: record.vectors && {
        from: record.vectors.from,
        to: record.vectors.to,
        fill: record.vectors.fill,
        ...this.#results.vectors,
      },
      fence_ms,
      deferred_writes,
      seconds,
      dropped: makesNew ? await dropExpired(this.#session) : [],
    };
  }

  async #prepare(): Promise<void> {
    const { database, vectors } = this.#request;
    if (database) Object.assign(this.#results.database, await database.fill.prepare(this.#databaseFilling()));
    if (vectors) Object.assign(this.#results.vectors, await vectors.fill.prepare(this.#vectorsFilling()));
    this.#session.signal.throwIfAborted();
  }

  /** Returns how long writers waited. */
  async #takeOver(): Promise<number> {
    const { value: record } = this.#file;
    const source = this.#database(record.database === null ? null : record.database.from);
    const pin = await pinOfDeployedCode(this.#session);
    await this.#at("fenced");
    const fenced_ms = this.#session.now();
    try {
      await raiseFence(source.connection, this.#fence());
      const { database, vectors } = this.#request;
      if (database) Object.assign(this.#results.database, await database.fill.finish(this.#databaseFilling()));
      if (vectors) Object.assign(this.#results.vectors, await vectors.fill.finish(this.#vectorsFilling()));
      await this.#file.save();
      await takeOver(this.#session, record, pin);
    } catch (error) {
      // Another process goes on with it, and the fence is its own: writes that came through now would be lost.
      if (isReason(error, "busy")) throw error;
      await this.#giveUp(source).catch(() =>
        this.#session.note(
          "The write fence could not be lifted: npm run ops -- generation cancel, as soon as possible.",
        ),
      );
      throw error;
    }
    await this.#letWrite();
    const fence_ms = this.#session.now() - fenced_ms;
    await this.#conclude();
    return fence_ms;
  }

  /** A database that was left keeps its fence: a version of the Worker that still knows it must not write there. */
  async #letWrite(): Promise<void> {
    if (this.#file.value.database !== null) return;
    await lowerFence(this.#database(null).connection, this.#session.now());
  }

  /** The Worker is bound to the new stores: the way back is written down. */
  async #conclude(): Promise<void> {
    const { value: record } = this.#file;
    this.#resources = await this.#session.target.resources();
    for (const store of ["database", "vectors"] as const) {
      const move = record[store];
      if (move === null) continue;
      const { from, to, state } = move;
      const { embedding_model } = record;
      const way = { store, from, to, at_ms: this.#session.now(), seq: state.seq ?? 0, embedding_model };
      const existing = this.#resources[store].generations.map(({ generation }) => generation);
      await writeWayBack(this.#session.bucket, way, existing, this.#session.steady);
    }
    await this.#at("switched");
  }

  /** The live stores are what they were: writers go on there. */
  async #giveUp(source: Database): Promise<void> {
    await lowerFence(source.connection, this.#session.now());
    await this.#at("fill");
    await releaseDeferred(this.#session, source.connection);
  }

  async #at(step: Step): Promise<void> {
    this.#file.value.step = step;
    await this.#file.save();
  }

  #fence(): FenceRequest {
    const { database, vectors } = this.#file.value;
    const moves = [
      ...(database ? [`database g${database.from} to g${database.to}`] : []),
      ...(vectors ? [`vectors g${vectors.from} to g${vectors.to}`] : []),
    ];
    return { reason: moves.join(", "), by: this.#request.by, now_ms: this.#session.now() };
  }

  /** A generation of the database; null = the live one. */
  #database(generation: number | null): Database {
    const wanted = generation ?? this.#resources.database.live;
    const found = databaseOf(this.#session, this.#resources, wanted);
    if (found) return found;
    throw missing(`generation ${wanted} of the database`);
  }

  #databaseFilling(): DatabaseFilling {
    const move = required(this.#file.value.database);
    return {
      ...this.#filling(move),
      source: this.#database(move.from),
      target: this.#database(move.to),
      fence: this.#fence(),
    };
  }

  #vectorsFilling(): VectorsFilling {
    const { database, step } = this.#file.value;
    const move = required(this.#file.value.vectors);
    const { connection } = this.#database(step === "switched" || database === null ? null : database.from);
    const { generations } = this.#resources.vectors;
    const target = generations.find(({ generation }) => generation === move.to);
    if (target === undefined) throw missing(`generation ${move.to} of the vector index`);
    const next = database === null ? null : this.#database(database.to).connection;
    return { ...this.#filling(move), session: this.#session, database: connection, next, target };
  }

  #filling({ state }: Move) {
    const { progress, signal, now } = this.#session;
    return { state, save: () => this.#file.save(), progress, signal, now };
  }
}

function newRecord(session: StoreSession, request: SwitchRequest, { database, vectors }: StackResources): SwitchRecord {
  // The live one may be gone, and all others with it: its number is taken nevertheless.
  const next = ({ live, generations }: { live: number; generations: readonly { generation: number }[] }) =>
    Math.max(live, ...generations.map(({ generation }) => generation)) + 1;
  const liveIndex = liveOf(vectors);
  return {
    step: "create",
    begun_at_ms: session.now(),
    holder: { host: "", pid: 0, machine: null },
    signs: 0,
    database: request.database
      ? {
          from: database.live,
          to: request.database.to ?? next(database),
          fill: request.database.fill.id,
          is_return: request.database.to !== undefined,
          state: {},
        }
      : null,
    vectors: request.vectors
      ? {
          from: vectors.live,
          to: request.vectors.to ?? next(vectors),
          fill: request.vectors.fill.id,
          is_return: request.vectors.to !== undefined,
          state: {},
          dimensions: request.vectors.dimensions ?? liveIndex?.dimensions ?? 0,
        }
      : null,
    embedding_model: request.embedding_model ?? null,
    opened: request.opened ?? null,
  };
}

function required<T>(value: T | null): T {
  if (value !== null) return value;
  throw missing("the record of this move");
}

function missing(what: string): OpsError {
  return new OpsError({
    op: "find",
    subject: what,
    cause: "it is not there",
    hint: "npm run ops -- generation list; generation cancel gives an interrupted switch up",
  });
}
