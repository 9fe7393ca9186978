/** `ops generation undo` */
import { defineCommand } from "../command/define.ts";
import { undoRequest } from "./requests.ts";
import { withSession } from "./stores.ts";
import { propose, SWITCH_NOTES, storesArgument, switchOutput } from "./switch-outcome.ts";

export const generationUndo = defineCommand({
  path: "generation undo",
  group: "data",
  summary: "go back to the generation before the last switch, with everything written since",
  notes: SWITCH_NOTES,
  risk: "destructive",
  args: storesArgument,
  output: switchOutput,
  examples: ["generation undo database --dry-run", "generation undo all --yes"],
  run: (invocation, { stores }) =>
    withSession(invocation, async (session) =>
      propose(session, invocation, "undo", await undoRequest(session, stores)),
    ),
});
