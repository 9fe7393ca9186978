/**
 * What every command is given, and what it hands back: the stack, the clock, the environment, the way out and the deadline come from here, so a
 * verb's file never looks at `process`, the clock or commander. `perform.ts` makes one.
 */
import type { Stack } from "../../infra/inventory.ts";
import type { Client } from "../service/client.ts";
import type { StackTarget } from "../stack/target.ts";
import type { ExitCode } from "./errors.ts";
import type { JournalEntry } from "./journal.ts";
import type { Progress } from "./progress.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Invocation {
  stack: Stack;
  /** Data folder of the local platform. */
  data_dir: string;
  env: Environment;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Nothing may be changed: say what would be. Never true for a command of risk `read`. */
  dry_run: boolean;
  /** True where stdout is a terminal and no JSON was asked for: tables are drawn, confirmation can be asked. */
  terminal: boolean;
  colour: boolean;
  progress: Progress;
  /** Aborts at the deadline and at Ctrl-C. Work that must be undone first watches it. */
  signal: AbortSignal;
  target(): Promise<StackTarget>;
  /** The stack's HTTP API with the bootstrap secret. */
  client(): Promise<Client>;
  /** A plain line of news on stderr. */
  note(text: string): void;
  /** Writes the command's own words, perhaps in colour, to the terminal before it ends. Only where `terminal`. */
  show(text: string): void;
  /** What a person at the terminal answers, without blanks around it; null where nobody can be asked. */
  ask: ((question: string) => Promise<string>) | null;
  /**
   * Passes when `--yes` was given or a person at the terminal types it.
   * @throws OpsError with exit code 3 otherwise: a machine never confirms by accident.
   */
  confirm(change: { op: string; subject: string }): Promise<void>;
  /**
   * From here on a failure leaves an audit record, too, and `detail` stands in it whatever comes. Finding the stack and confirming begin as
   * much, without a detail.
   */
  begin(detail: JournalEntry["detail"]): void;
}

/** What a command comes to: the JSON document, the same for a person, and what the audit record says of it. */
export interface Outcome<Data = object> {
  data: Data;
  /** Printed without `--json`; ends without a newline. Commands in it are printed such that they act where this one does (`addressed.ts`). */
  text: string;
  /** Lines that are printed as they come, before `text`: `data` is whole when they have ended. Of what others wrote, not a letter is changed. */
  stream?: AsyncIterable<string> | readonly string[];
  /** Where it is not 0. */
  exit_code?: ExitCode;
  /** Ids, counts and reasons; no secret. `outcome` where it is not the one that the exit code says. Null: there was nothing to do, and no record. */
  audit?: { outcome?: JournalEntry["outcome"]; detail: JournalEntry["detail"] } | null;
}
