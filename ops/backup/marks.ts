/** What is written down of a snapshot that was checked. */
import { asOpsError, OpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { withdrawVerified } from "./last-verified.ts";
import type { Repository, VerifiedLevel } from "./repository/repository.ts";

/** The check has passed either way: where the repository cannot be written, a note says so. */
export async function keepMark(
  { note }: Pick<Invocation, "note">,
  repository: Pick<Repository, "can" | "recordVerification">,
  id: string,
  level: VerifiedLevel,
): Promise<void> {
  if (!repository.can.write) return;
  await repository.recordVerification(id, level).catch((error: unknown) => {
    if (!(error instanceof OpsError)) throw error;
    note(`Warning: snapshot ${id} passed, and its repository does not remember it: ${error.message}`);
  });
}

/**
 * One that did not pass is called good no longer, neither by its repository nor by the record that deployments ask. Where that cannot be written down, a note
 * says so: what did not pass matters more.
 */
export async function withdrawMarks(
  { note, target, signal }: Pick<Invocation, "note" | "target" | "signal">,
  repository: Pick<Repository, "can" | "withdrawVerification">,
  id: string,
): Promise<void> {
  const attempt = (work: Promise<void>): Promise<void> =>
    work.catch((error: unknown) => {
      note(`Warning: snapshot ${id} may still count as verified: ${asOpsError(error).message}`);
    });
  if (repository.can.write) await attempt(repository.withdrawVerification(id));
  await attempt(target().then((found) => withdrawVerified(found, id, signal)));
}
