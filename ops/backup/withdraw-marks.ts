/** What follows for a snapshot that did not pass. */
import { asOpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { withdrawVerified } from "./last-verified.ts";
import type { Repository } from "./repository/repository.ts";

/**
 * It is called good no longer, neither by its repository nor by the record that deployments ask. Where that cannot be written down, a note
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
