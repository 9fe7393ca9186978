/** `ops restore undo` */
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { defineCommand } from "../command/define.ts";
import type { Outcome } from "../command/invocation.ts";
import { withSituation } from "./situation.ts";
import { undoable, undone, undoRestore } from "./undo-restore.ts";

const what = z.strictObject({
  stack: z.enum(STACKS),
  /** What was restored: a snapshot's id, or a bookmark. */
  undone: z.string(),
});

const output = z.union([what.extend(undone.shape), what.extend({ dry_run: z.literal(true), state_at: z.string() })]);

export const restoreUndo = defineCommand({
  path: "restore undo",
  group: "backup",
  summary: "go back to what was there before the last restore; what was written since stays behind",
  risk: "destructive",
  output,
  examples: ["restore undo --dry-run", "restore undo --yes"],
  run: (invocation) =>
    withSituation(invocation, async (situation): Promise<Outcome<z.infer<typeof output>>> => {
      const { stack, dry_run } = invocation;
      const record = await undoable(situation);
      const { source, method, state_at } = record;
      if (dry_run) {
        const text = `Would undo the restore of ${source} (${method}), the state of ${state_at}.`;
        return { data: { dry_run, stack, undone: source, state_at }, text };
      }
      await invocation.confirm({ op: "undo", subject: `the restore of ${source}` });
      return {
        data: { stack, undone: source, ...(await undoRestore(situation, record)) },
        text: `Undone: ${stack} is as it was before ${source} was restored.`,
        audit: { detail: { source, method } },
      };
    }),
});
