/** `ops restore plan` */
import { defineCommand } from "../command/define.ts";
import { prepareRestore, sourceArgs, sourceOptions, told } from "./prepare.ts";
import { plannedRestore } from "./restore-plan.ts";

export const restorePlan = defineCommand({
  path: "restore plan",
  group: "backup",
  summary: "say what a restore would do, take and lose; changes nothing",
  notes: "Exit code 3 when it would be refused.",
  risk: "read",
  args: sourceArgs,
  options: sourceOptions,
  output: plannedRestore,
  examples: ["restore plan", "restore plan --at 2026-11-20T12:00:00Z --json"],
  run: (invocation, wish) => prepareRestore(invocation, wish, async (plan) => told(plan, invocation)),
});
