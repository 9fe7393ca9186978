/** `ops adopt`: what the account has already of what the program declares, as the list that `pulumi import` takes. Looks only. */
import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { createCloudflare } from "../cloudflare/api.ts";
import { OpsError } from "../command/errors.ts";
import { type Outcome, perform } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { type Adoptable, adoptable } from "../stack/adoptable.ts";
import { openDriver } from "../stack/open-driver.ts";

const HELP = `
Lists resources that exist under the names that the program declares and that the stack does not know yet. With --out the
list is written for: pulumi import --file FILE --stack STACK. The local stack needs no import: it recognises them by itself.

With --json: {"stack","out":file|null,"resources":[{"type","name","id"}],
              "by_hand":[{"type","name","id","remedy"}]}   id: what pulumi import takes; by_hand: what it cannot take

Examples:
  npm run ops -- adopt --stack staging --out import.json
`;

export function registerAdopt(program: Command): void {
  program
    .command("adopt")
    .description("list existing resources for pulumi import")
    .option("--out <file>", "write the list that pulumi import --file takes")
    .addHelpText("after", HELP)
    .action(({ out }: { out?: string }, command: Command) =>
      perform(command, async (invocation): Promise<Outcome> => {
        const [driver, { api }] = [await openDriver(invocation), await invocation.target()];
        const client = createCloudflare(api, { signal: invocation.signal });
        const found = await adoptable(client, await driver.unmanaged());
        const resources = found.flatMap(({ type, name, id, remedy }) => (remedy === null ? [{ type, name, id }] : []));
        const by_hand = found.filter(({ remedy }) => remedy !== null);
        if (out !== undefined) await write(out, { resources });
        return {
          data: { stack: driver.stack, out: out ?? null, resources, by_hand },
          text: report(found, out, invocation.terminal),
        };
      }),
    );
}

async function write(file: string, list: object): Promise<void> {
  await writeFile(file, `${JSON.stringify(list, null, 2)}\n`).catch((error: unknown) => {
    throw new OpsError(
      { op: "write", subject: file, cause: (error as Error).message, hint: "choose a file in a folder that exists" },
      { error },
    );
  });
}

function report(found: Adoptable[], out: string | undefined, terminal: boolean): string {
  if (found.length === 0) return "Nothing to adopt: the account has nothing that the stack does not know.";
  const rows = table(
    found,
    [
      { title: "resource", value: ({ name }) => name },
      { title: "type", value: ({ type }) => type.split(":").at(-1) ?? type },
      { title: "id", value: ({ id }) => id },
      { title: "by hand", value: ({ remedy }) => remedy ?? "" },
    ],
    terminal,
  );
  return `${rows}${out === undefined ? "" : `\nWritten for: pulumi import --file ${out}`}`;
}
