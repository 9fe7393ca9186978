/** What taking a snapshot is told, and what it may continue. */
import type { SnapshotInventory } from "../manifest.ts";
import type { Snapshot } from "../repository/repository.ts";
import type { DatabaseSource } from "./database-copy.ts";
import type { StoreSources } from "./store-copy.ts";
import type { Survey } from "./survey.ts";

export interface SnapshotSources {
  stack: string;
  database: DatabaseSource & { id: string };
  /** Everything beside the database; null where only a database is backed up. */
  stores: StoreSources | null;
}

export interface TakeOptions {
  /** Keep nothing of an earlier snapshot, read everything. */
  full: boolean;
  /** Name and version of this tool. */
  tool: string;
  tags?: readonly string[];
  now(): number;
  /** Done before anything is copied, while the snapshot is begun: what the stores are asked in it is not the snapshot's cost. */
  plan?(survey: Survey): Promise<unknown>;
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
