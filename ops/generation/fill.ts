/**
 * How a new generation gets its content: the part of a switch that differs between a copy of what is live, a restore and a
 * rebuild. `prepare` runs beside the service and may take hours; `finish` runs while writers wait and must be short.
 */

import type { Progress } from "../command/progress.ts";
import type { D1Connection } from "../d1/connection.ts";
import type { FenceRequest } from "./fence.ts";
import type { Database, VectorStore, Workbench } from "./stores.ts";

/** What a fill remembers from one run to the next. Its own names, kept in the record of the switch. */
export interface FillState {
  /** Of the live database's change log: everything before it has been taken over. */
  seq?: number;
  copied?: boolean;
  compared_rows?: number;
  replayed_rows?: number;
  /** Chunks up to this id have their vector in the target. */
  after_id?: number;
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
  bench: Workbench;
  /** The database whose rows say what the index has to hold. */
  database: D1Connection;
  target: VectorStore;
}

/** What a fill reports, for `--json`. */
type Result = Record<string, unknown>;

export interface Fill<F extends Filling> {
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
export type DatabaseFill = Fill<DatabaseFilling>;
export type VectorsFill = Fill<VectorsFilling>;
