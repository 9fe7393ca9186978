/** What taking a snapshot is told. */
import type { Survey } from "./survey.ts";

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
  /** Hears of plain bytes that were read. */
  on_bytes(bytes: number): void;
}
