/** `ops drift`: is what was deployed still what is there? Looks only; `ops deploy` puts it right, but for stores that are gone. */
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT } from "../command/errors.ts";
import type { Outcome } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { openDelivery } from "../stack/delivery.ts";
import { type DriftedResource, driftedResource } from "../stack/driver.ts";
import { outOfSight, withOutOfSight } from "./out-of-sight.ts";

const output = z.strictObject({
  stack: z.enum(STACKS),
  state: z.enum(["unchanged", "drifted"]),
  counts: z.strictObject({ unchanged: z.number(), drifted: z.number(), missing: z.number() }),
  resources: z.array(driftedResource),
});

export const drift = defineCommand({
  path: "drift",
  group: "delivery",
  summary: "compare what was deployed with what is there",
  notes:
    "Compares the inputs of every deployed resource with what the account has, values that change with use left out; cron triggers, dead-letter queues, settings of queues and the version that serves, which the provider does not look at again, are read back from Cloudflare. Known noise of the provider (infra/suppressions.ts) is no drift. Exit code 1: something differs.",
  risk: "read",
  output,
  examples: ["drift", "drift --stack production --json"],
  async run(invocation): Promise<Outcome<z.infer<typeof output>>> {
    const delivery = await openDelivery(invocation);
    const { driver } = delivery;
    const seen = await driver.drift();
    const resources = withOutOfSight(seen, await outOfSight(delivery, await driver.outputs()));
    const counts = { unchanged: 0, drifted: 0, missing: 0 };
    for (const { state } of resources) counts[state] += 1;
    const differing = resources.filter(({ state }) => state !== "unchanged");
    return {
      data: { stack: driver.stack, state: differing.length === 0 ? "unchanged" : "drifted", counts, resources },
      text: report(differing, counts.unchanged, driver.stack, invocation.terminal),
      exit_code: differing.length === 0 ? EXIT.done : EXIT.check_failed,
    };
  },
});

function report(differing: DriftedResource[], unchanged: number, stack: string, terminal: boolean): string {
  if (differing.length === 0) return `${unchanged} resources are as they were deployed.`;
  const rows = table(terminal, differing, [
    { title: "resource", value: ({ name }) => name },
    { title: "type", value: ({ type }) => type.split(":").at(-1) ?? type },
    { title: "state", value: ({ state }) => state },
    { title: "differs in", value: ({ changed }) => changed.join(", ") },
  ]);
  return `${rows}\n${unchanged} others are as they were deployed. npm run ops -- deploy --stack ${stack} puts it right.`;
}
