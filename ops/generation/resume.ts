/** `ops generation resume` */
import { defineCommand } from "../command/define.ts";
import { isTakenOver } from "./live.ts";
import { interruptedRequest } from "./requests.ts";
import { withSession } from "./stores.ts";
import { carryOut, switchOutput, TAKEOVER_STEPS, wouldDo } from "./switch-outcome.ts";

export const generationResume = defineCommand({
  path: "generation resume",
  group: "data",
  summary: "go on with an interrupted move or undo",
  notes: "A switch that a restore or a rebuild began is gone on with by repeating that command.",
  risk: "change",
  output: switchOutput,
  examples: ["generation resume --dry-run", "generation resume"],
  run: (invocation) =>
    withSession(invocation, async (session) => {
      const { request, record } = await interruptedRequest(session);
      if (!invocation.dry_run) return carryOut(session, invocation, request);
      const moves = [
        ...(record.database ? [{ ...record.database, store: "database", name: request.database?.fill.name }] : []),
        ...(record.vectors ? [{ ...record.vectors, store: "vectors", name: request.vectors?.fill.name }] : []),
      ];
      const subject = moves.map(({ store, from, to }) => `${store} g${from} to g${to}`).join(" and ");
      const fills = moves.map(({ store, to, name }) => `fill ${store} g${to}: ${name}, while the service works`);
      const isOver = record.step === "switched" || isTakenOver(record, await session.target.resources());
      const steps = isOver ? ["release the deferred writes: the Worker is switched"] : [...fills, ...TAKEOVER_STEPS];
      return wouldDo(invocation, "resume", subject, [`go on where it was interrupted: "${record.step}"`, ...steps]);
    }),
});
