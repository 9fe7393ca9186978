/** What delivery asks of backups before it touches what holds data. */
import type { Stack } from "../../infra/inventory.ts";

export interface VerifiedBackup {
  id: string;
  /** The state that it holds, milliseconds since the epoch. */
  taken_at_ms: number;
}

/** The newest backup of a stack that was read back and compared; null where none is known. */
export type LatestVerifiedBackup = (stack: Stack) => Promise<VerifiedBackup | null>;
