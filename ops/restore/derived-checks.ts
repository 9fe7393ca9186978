/**
 * Checks of what is made from rows, not of the rows: one may fail in a restore that is equal, and then be overruled by whoever
 * knows that. Rows and vectors that differ are not among them.
 */
import { z } from "zod";
import { OpsError } from "../command/errors.ts";

/** `full-text`: FTS5 finds that an index does not hold the words of its rows. */
export const DERIVED_CHECKS = ["full-text"] as const;
export type DerivedCheck = (typeof DERIVED_CHECKS)[number];

export const failedCheck = z.strictObject({ check: z.enum(DERIVED_CHECKS), finding: z.string() });
export type FailedCheck = z.infer<typeof failedCheck>;

/** What whoever restores has said of failing checks. */
export interface Overruling {
  accepts: DerivedCheck | null;
  /** Writes down, before anything is switched, that checks failed and were overruled. */
  record(failed: readonly FailedCheck[]): Promise<void>;
}

/** A snapshot whose restore is not what it says. */
export class UnequalRestore extends OpsError {}

/** A failed check by its name. */
export function shownCheck({ check, finding }: FailedCheck): string {
  return `check ${check} failed: ${finding}`;
}

/** @throws UnequalRestore when a check failed that is not overruled. `subject`: the restored database. */
export async function judge(subject: string, failed: readonly FailedCheck[], overruling: Overruling): Promise<void> {
  const [refused] = failed.filter(({ check }) => check !== overruling.accepts);
  if (refused === undefined) {
    if (failed.length > 0) await overruling.record(failed);
    return;
  }
  throw new UnequalRestore({
    op: "verify",
    subject,
    cause: `every row is what it was, but ${shownCheck(refused)}`,
    hint: `npm run ops -- restore apply --resume --accept-failed-check ${refused.check} goes on all the same and records it; npm run ops -- generation cancel gives it up`,
  });
}
