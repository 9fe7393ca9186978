/** What follows for a snapshot that did not pass. */
import { asOpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import type { Repository } from "./repository/repository.ts";

/** It is called good no longer. Where that cannot be written down, a note says so: what did not pass matters more. */
export async function withdrawMarks(
  { note }: Pick<Invocation, "note">,
  repository: Pick<Repository, "can" | "withdrawVerification">,
  id: string,
): Promise<void> {
  if (!repository.can.write) return;
  await repository.withdrawVerification(id).catch((error: unknown) => {
    note(`Warning: snapshot ${id} may still be listed as verified: ${asOpsError(error).message}`);
  });
}
