/**
 * How a new generation gets its content: the part of a switch that differs between a copy of what is live, a restore and a
 * rebuild. `prepare` runs beside the service and may take hours; `finish` runs while writers wait and must be short.
 */
import { z } from "zod";
import type { Progress } from "../command/progress.ts";
import type { D1Connection } from "../d1/connection.ts";
import type { FenceRequest } from "./fence.ts";
import type { Database, StoreSession, VectorStore } from "./stores.ts";

/** What a fill remembers from one run to the next. Its own names, kept in the record of the switch. */
export interface FillState {
  /** Of the live database's change log: everything before it has been taken over. */
  seq?: number;
  copied?: boolean;
  compared_rows?: number;
  replayed_rows?: number;
  /** Chunks up to this id have their vector in the target. */
  after_id?: number;
  /** Of vectors that were embedded for the target: no row names them yet. */
  packs?: string[];
}

interface Filling {
  state: FillState;
  /** Keeps `state`, so that an interrupted fill goes on from there. */
  save(): Promise<void>;
  progress: Progress;
  signal: AbortSignal;
  now: () => number;
}

export interface DatabaseFilling extends Filling {
  /** The live generation. */
  source: Database;
  target: Database;
  /** What the target's fence row is to say: writes that were deferred behind the source's fence wait for it. */
  fence: FenceRequest;
}

export interface VectorsFilling extends Filling {
  session: StoreSession;
  /** The database whose rows say what the index has to hold. */
  database: D1Connection;
  /** The database that takes over together with the index; null where none does. */
  next: D1Connection | null;
  target: VectorStore;
}

/** What a fill of the database reports, as far as this run did it. */
export const databaseFilled = z.strictObject({
  name: z.string().optional(),
  /** Of a copy, compared with the live database; of a restore, with the snapshot. */
  tables: z.number().optional(),
  rows: z.number().optional(),
  hashed_tables: z.number().optional(),
  full_text_indexes: z.number().optional(),
  compared_rows: z.number().optional(),
  replayed_rows: z.number().optional(),
  last_round_rows: z.number().optional().describe("of the change log, while writers waited"),
  log_seq: z.number().optional(),
});
export type DatabaseFilled = z.infer<typeof databaseFilled>;

/** As `databaseFilled`, of the vector index. */
export const vectorsFilled = z.strictObject({
  vectors: z.number().optional(),
  last_round_vectors: z.number().optional().describe("that changed while writers waited"),
  late_vectors: z.number().optional().describe("that changed after the takeover"),
});
export type VectorsFilled = z.infer<typeof vectorsFilled>;

interface Fill<F extends Filling, Result> {
  /** Tells fills apart in the record of an interrupted switch. */
  id: string;
  /** What it fills with, as a noun. */
  name: string;
  prepare(filling: F): Promise<Result>;
  /** @throws OpsError when the target is not what it should be: the switch is then given up and writers go on. */
  finish(filling: F): Promise<Result>;
  /** After the switch, when writers work again: what may have slipped past. */
  settle?(filling: F): Promise<Result>;
}
export type DatabaseFill = Fill<DatabaseFilling, DatabaseFilled>;
export type VectorsFill = Fill<VectorsFilling, VectorsFilled>;
