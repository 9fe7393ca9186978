/** `ops restore apply` */
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import { refusal } from "../command/errors.ts";
import type { Outcome } from "../command/invocation.ts";
import { DERIVED_CHECKS, shownCheck } from "./derived-checks.ts";
import { restoredInPlace } from "./in-place.ts";
import { restored } from "./new-generation.ts";
import { prepareRestore, sourceArgs, sourceOptions, told } from "./prepare.ts";
import { plannedRestore } from "./restore-plan.ts";

const output = z.union([
  z.strictObject({ plan: plannedRestore, restored: z.union([restored, restoredInPlace]) }),
  plannedRestore,
]);

export const restoreApply = defineCommand({
  path: "restore apply",
  group: "backup",
  summary: "verify a snapshot, fill new stores beside the live ones, compare, switch over; the old ones are kept",
  notes: `Interrupted, run it again: it goes on. --resume needs not be told what was being restored nor from which --repository, only the
key and credentials where this machine has none; it refuses when nothing was interrupted. Exit code 4: the live stores have changed, and
--resume does the rest. A dry run is \`restore plan\`.`,
  risk: "destructive",
  args: sourceArgs,
  options: z.object({
    ...sourceOptions.shape,
    resume: z.boolean().optional().describe("go on with the restore that was interrupted, whatever it was of"),
    accept_failed_check: z.enum(DERIVED_CHECKS).optional().meta({
      placeholder: "name",
      description:
        "go on although this check of what is made from rows fails; recorded. Rows and vectors that differ are never accepted",
    }),
  }),
  output,
  examples: ["restore apply --yes", "restore apply --at 2026-11-20T12:00:00Z --yes", "restore apply --resume --yes"],
  run: (invocation, wish) =>
    prepareRestore(invocation, wish, async (plan, restore): Promise<Outcome<z.infer<typeof output>>> => {
      if (invocation.dry_run) return told(plan, invocation);
      const { stack, source, method, state_at } = plan;
      const [first] = plan.refusals;
      if (first !== undefined)
        throw refusal({ op: "restore", subject: source, cause: first.reason, hint: first.remedy });
      invocation.note(told(plan, invocation).text);
      await invocation.confirm({ op: "restore", subject: `${stack} to ${source}` });
      const done = await restore();
      const dropped = "dropped" in done ? done.dropped : [];
      return {
        data: { plan, restored: done },
        text: [
          `Restored ${stack} to ${source} as of ${state_at} in ${done.rto_s} s. ${wayBack(done.can_be_undone)}`,
          ...(dropped.length > 0 ? [`Deleted, because not live for 7 days: ${dropped.join(", ")}.`] : []),
          ...done.overruled.map((one) => `Overruled: ${shownCheck(one)}`),
        ].join("\n"),
        audit: { detail: { source, method, state_at, overruled: done.overruled, dropped } },
      };
    }),
});

function wayBack(can_be_undone: boolean): string {
  return can_be_undone
    ? "Undo: npm run ops -- restore undo"
    : "This cannot be undone: there was no live database before it.";
}
