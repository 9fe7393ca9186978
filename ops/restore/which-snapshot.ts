/** Which snapshot a part is brought back from: by its id or by time. */
import { z } from "zod";
import { iso } from "../../worker/ground/time.ts";
import type { Repository } from "../backup/repository/repository.ts";
import { misuse, refusal } from "../command/errors.ts";
import { momentBefore } from "../command/options.ts";
import { snapshotAt } from "./restore-plan.ts";

export const whichSnapshot = z.object({
  snapshot: z.string().optional().describe("the snapshot, or the beginning of its id (default: the latest)"),
  at: momentBefore.optional().meta({
    placeholder: "time",
    description: "the newest snapshot of this moment or before, such as 2026-11-20T12:00:00Z or 6h ago",
  }),
});

/** What `openSnapshot` takes. @throws OpsError where both are named, or all snapshots are later. */
export async function wantedSnapshot(
  repository: Repository,
  { snapshot, at }: z.output<typeof whichSnapshot>,
  now_ms: number,
): Promise<string> {
  const about = { op: "choose a snapshot", subject: snapshot ?? "by time" };
  if (at === undefined) return snapshot ?? "latest";
  if (snapshot !== undefined)
    throw misuse({ ...about, cause: "a snapshot and a time were named", hint: "name one of them" });
  const at_ms = at(now_ms);
  const found = await snapshotAt(repository, at_ms);
  if (found === null)
    throw refusal({
      ...about,
      cause: `all snapshots are later than ${iso(at_ms)} (UTC)`,
      hint: "npm run ops -- backup list",
    });
  return found;
}
