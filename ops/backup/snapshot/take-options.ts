/** What taking a snapshot is told, and what it may continue. */
import type { SnapshotInventory } from "../manifest.ts";
import type { Snapshot } from "../repository/repository.ts";

export interface TakeOptions {
  /** Keep nothing of an earlier snapshot, read everything. */
  full: boolean;
  /** Name and version of this tool. */
  tool: string;
  tags?: readonly string[];
  now(): number;
  /** Done before anything is read, while the snapshot is begun: what the stores are asked in it is not the snapshot's cost. */
  plan?(): Promise<unknown>;
  /** Requests to Cloudflare's API so far. */
  requests(): number;
  /** Hears what is being done. */
  on_step(what: string): void;
  /** Hears of plain bytes that were read. */
  on_bytes(bytes: number): void;
}

/** The snapshot that the next one can continue, as far as this machine's key can read what is needed. */
export interface Base {
  snapshot: Snapshot;
  inventory: SnapshotInventory;
}
