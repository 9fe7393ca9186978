/** `ops generation move` */
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import { positive } from "../command/options.ts";
import { moveRequest } from "./requests.ts";
import { withSession } from "./stores.ts";
import { propose, SWITCH_NOTES, storesArgument, switchOutput } from "./switch-outcome.ts";

export const generationMove = defineCommand({
  path: "generation move",
  group: "data",
  summary: "copy a live store into a new generation and switch to it, while the service works",
  notes: SWITCH_NOTES,
  risk: "destructive",
  args: storesArgument,
  options: z.object({
    dimensions: positive.optional().describe("dimensions of the new index (vectors only)"),
    model: z
      .string()
      .optional()
      .meta({ placeholder: "id", description: "embedding model of the new index (vectors only)" }),
  }),
  output: switchOutput,
  examples: ["generation move database --dry-run", "generation move all --yes"],
  run: (invocation, { stores, ...index }) =>
    withSession(invocation, async (session) =>
      propose(session, invocation, "move", await moveRequest(session, stores, index)),
    ),
});
