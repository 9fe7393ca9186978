/** `ops drift`: is what was deployed still what is there? Looks only; `ops deploy` puts it right. */
import type { Command } from "commander";
import { EXIT } from "../command/errors.ts";
import { type Outcome, perform } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import type { DriftedResource } from "../stack/driver.ts";
import { openDriver } from "../stack/open-driver.ts";

const HELP = `
Compares the inputs of every deployed resource with what the account has, values that change with use left out.
Known noise of the provider (infra/suppressions.ts) is no drift. Exit code 0: unchanged, 1: something differs.

With --json: {"stack","state":"unchanged"|"drifted","counts":{"unchanged","drifted","missing"},
              "resources":[{"type","name","state":"unchanged"|"drifted"|"missing","changed":[property]}]}

Examples:
  npm run ops -- drift
  npm run --silent ops -- drift --stack production --json
`;

export function registerDrift(program: Command): void {
  program
    .command("drift")
    .description("compare what was deployed with what is there")
    .addHelpText("after", HELP)
    .action((_options, command: Command) =>
      perform(command, async (invocation): Promise<Outcome> => {
        const driver = await openDriver(invocation);
        const resources = await driver.drift();
        const counts = { unchanged: 0, drifted: 0, missing: 0 };
        for (const { state } of resources) counts[state] += 1;
        const differing = resources.filter(({ state }) => state !== "unchanged");
        const state = differing.length === 0 ? "unchanged" : "drifted";
        return {
          data: { stack: driver.stack, state, counts, resources },
          text: report(differing, counts.unchanged, driver.stack, invocation.terminal),
          exit_code: differing.length === 0 ? EXIT.done : EXIT.check_failed,
        };
      }),
    );
}

function report(differing: DriftedResource[], unchanged: number, stack: string, terminal: boolean): string {
  if (differing.length === 0) return `${unchanged} resources are as they were deployed.`;
  const rows = table(
    differing,
    [
      { title: "resource", value: ({ name }) => name },
      { title: "type", value: ({ type }) => type.split(":").at(-1) ?? type },
      { title: "state", value: ({ state }) => state },
      { title: "differs in", value: ({ changed }) => changed.join(", ") },
    ],
    terminal,
  );
  return `${rows}\n${unchanged} others are as they were deployed. npm run ops -- deploy --stack ${stack} puts it right.`;
}
