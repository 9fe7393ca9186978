/** `ops adopt`: what the account has already of what the program declares, as the list that `pulumi import` takes. Looks only. */
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { defineCommand } from "../command/define.ts";
import { table } from "../command/output.ts";
import { writeOutput } from "../command/output-file.ts";
import { type Adoptable, adoptable } from "../stack/adoptable.ts";
import { openDriver } from "../stack/open-driver.ts";

const resource = z.strictObject({
  type: z.string().describe("Pulumi's type token"),
  name: z.string(),
  id: z.string().describe("what pulumi import takes"),
});

export const adopt = defineCommand({
  path: "adopt",
  group: "delivery",
  summary: "list resources that exist and that the stack does not know, for pulumi import",
  notes:
    "Looks for the names that the program declares. With --out the list is written for: pulumi import --file FILE --stack STACK. The local stack needs no import: it recognises them by itself.",
  risk: "read",
  options: z.object({
    out: z
      .string()
      .optional()
      .meta({ placeholder: "file", description: "write the list that pulumi import --file takes" }),
  }),
  output: z.strictObject({
    stack: z.enum(STACKS),
    out: z.string().nullable().describe("the file that was written"),
    resources: z.array(resource),
    by_hand: z
      .array(resource.extend({ remedy: z.string() }))
      .describe("what pulumi import cannot take, and what to do instead"),
  }),
  examples: ["adopt --stack production --out import.json"],
  async run(invocation, { out }) {
    const [driver, target] = [await openDriver(invocation), await invocation.target()];
    const client = createCloudflare(await target.api(), { signal: invocation.signal });
    const found = await adoptable(client, await driver.unmanaged());
    const resources = found.flatMap(({ type, name, id, remedy }) => (remedy === null ? [{ type, name, id }] : []));
    const by_hand = found.flatMap(({ remedy, ...rest }) => (remedy === null ? [] : [{ ...rest, remedy }]));
    if (out !== undefined)
      await writeOutput(out, { op: "write" }, async () => `${JSON.stringify({ resources }, null, 2)}\n`);
    return {
      data: { stack: driver.stack, out: out ?? null, resources, by_hand },
      text: report(found, out, invocation.terminal),
    };
  },
});

function report(found: Adoptable[], out: string | undefined, terminal: boolean): string {
  if (found.length === 0) return "Nothing to adopt: the account has nothing that the stack does not know.";
  const rows = table(terminal, found, [
    { title: "resource", value: ({ name }) => name },
    { title: "type", value: ({ type }) => type.split(":").at(-1) ?? type },
    { title: "id", value: ({ id }) => id },
    { title: "by hand", value: ({ remedy }) => remedy ?? "" },
  ]);
  return `${rows}${out === undefined ? "" : `\nWritten for: pulumi import --file ${out}`}`;
}
