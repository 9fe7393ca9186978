/** `ops migrate list` */
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { defineCommand } from "../command/define.ts";
import type { Outcome } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { openMigrations } from "./open.ts";
import { planMigrations } from "./plan.ts";

const output = z.strictObject({
  stack: z.enum(STACKS),
  deployed_schema: z
    .string()
    .nullable()
    .describe("newest migration that the deployed version was made for; null where none serves or it does not say"),
  migrations: z.array(
    z.strictObject({
      name: z.string(),
      phase: z.enum(["expand", "contract", ""]).describe("empty where this checkout does not hold it"),
      state: z.enum(["applied", "pending", "waits", "unknown"]),
      reason: z.string().describe("why it waits or is unknown; empty otherwise"),
    }),
  ),
});

export const migrateList = defineCommand({
  path: "migrate list",
  group: "data",
  summary: "which migrations have run, which are pending, which wait for another deployment",
  risk: "read",
  output,
  examples: ["migrate list", "migrate list --stack production --json"],
  async run(invocation): Promise<Outcome<z.infer<typeof output>>> {
    const { files, applied, deployed } = await openMigrations(invocation);
    const plan = planMigrations(files, new Set(applied), deployed);
    const known = files.map(({ name, phase }) => {
      const pending = plan.pending.find((entry) => entry.name === name);
      const state = pending === undefined ? "applied" : pending.action === "apply" ? "pending" : "waits";
      return { name, phase, state, reason: pending?.reason ?? "" } as const;
    });
    const unknown = plan.unknown.map(
      (name) => ({ name, phase: "", state: "unknown", reason: "not in this checkout" }) as const,
    );
    const migrations = [...known, ...unknown];
    return {
      data: {
        stack: invocation.stack,
        deployed_schema: deployed.kind === "version" ? deployed.schema : null,
        migrations,
      },
      text: table(invocation.terminal, migrations, [
        { title: "migration", value: ({ name }) => name },
        { title: "phase", value: ({ phase }) => phase },
        { title: "state", value: ({ state }) => state },
        { title: "", value: ({ reason }) => reason },
      ]),
    };
  },
});
