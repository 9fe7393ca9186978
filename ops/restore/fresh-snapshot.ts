/** The snapshot of what is there, before a restore changes it in place. */

import { type RepositoryOptions, withRepository } from "../backup/open.ts";
import { takeSnapshot } from "../backup/snapshot/take.ts";
import { stackSources } from "../backup/stack-sources.ts";
import { OpsError, refusal } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import type { RestorePlan } from "./restore-plan.ts";

/** Its id. @throws OpsError where there is no repository or no key that can write: nothing is changed in place without it. */
export async function freshSnapshot(invocation: Invocation, options: RepositoryOptions): Promise<string> {
  const sources = await stackSources(invocation);
  try {
    return await withRepository(invocation, options, null, async (repository) => {
      const { info } = await takeSnapshot(repository, sources, {
        full: false,
        tool: "restore",
        now: invocation.now,
        requests: () => sources.budget.admitted,
        on_bytes: () => {},
      });
      return info.id;
    });
  } catch (error) {
    if (!(error instanceof OpsError)) throw error;
    const { cause, hint, reason } = error.parts;
    throw refusal(
      {
        op: "restore in place",
        subject: invocation.stack,
        cause: `no snapshot of what is there could be made: ${cause}`,
        hint,
        reason,
      },
      error,
    );
  } finally {
    sources.close();
  }
}

/** Why a restore in place would be refused, as its plan says it: for want of a repository, or of a key that can write. */
export async function whyNoSnapshot(
  invocation: Invocation,
  options: RepositoryOptions,
): Promise<RestorePlan["refusals"]> {
  const refused = (cause: string, remedy: string) => [
    { reason: `a snapshot of what is there comes first, and cannot be made: ${cause}`, remedy },
  ];
  try {
    return await withRepository(invocation, options, null, async ({ can }) =>
      can.write ? [] : refused("the key at hand can read only", "name that of a writer as well: --key-file FILE"),
    );
  } catch (error) {
    if (!(error instanceof OpsError)) throw error;
    return refused(error.parts.cause, error.parts.hint);
  }
}
