/** The newest snapshot that was really restored and compared: what a deployment asks for before it touches what holds data. */

import { isReason } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import type { LatestVerifiedBackup } from "../delivery/backup-evidence.ts";
import { readSummary } from "./manifest.ts";
import { withRepository } from "./open.ts";

/**
 * Looks into the stack's own repository; null where there is none, or no key for it, or nothing verified of this stack.
 * @throws OpsError from what it returns: a key that cannot be read or does not fit, a repository that is damaged or does not answer.
 */
export function latestVerifiedBackup(invocation: Invocation): LatestVerifiedBackup {
  return async (stack) => {
    try {
      return await withRepository(invocation, {}, null, async (repository) => {
        const snapshots = await repository.listSnapshots();
        for (const { id, verified } of snapshots.filter((one) => one.verified?.level === "restore")) {
          if (verified === null) continue;
          const summary = readSummary(await repository.openSnapshot(id));
          if (summary.stack === stack) return { id, taken_at_ms: summary.state_at_ms };
        }
        return null;
      });
    } catch (error) {
      if (isReason(error, "no-repository", "no-key", "never-deployed", "resource-missing")) return null;
      throw error;
    }
  };
}
