/** `ops migrate apply`: what is pending, by itself; `ops deploy` runs migrations as part of a release. */
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { defineCommand } from "../command/define.ts";
import { applyMigration } from "./ledger.ts";
import { openMigrations } from "./open.ts";
import { planMigrations } from "./plan.ts";

export const migrateApply = defineCommand({
  path: "migrate apply",
  group: "data",
  summary: "run the migrations that are pending and may run now, oldest first",
  notes:
    "Each one runs whole or not at all, with its record, after a rehearsal on an empty copy of the live schema. Those that wait for another deployment are named on stderr.",
  risk: "change",
  asks: true,
  output: z.strictObject({ stack: z.enum(STACKS), dry_run: z.boolean(), applied: z.array(z.string()) }),
  examples: ["migrate apply --dry-run", "migrate apply --stack production --yes"],
  async run(invocation) {
    const { stack, dry_run } = invocation;
    const { files, applied, deployed, database } = await openMigrations(invocation);
    const { pending } = planMigrations(files, new Set(applied), deployed);
    for (const { name, reason } of pending.filter(({ action }) => action === "wait"))
      invocation.note(`${name} waits: ${reason}`);
    const ready = files.filter(({ name }) => pending.some((entry) => entry.name === name && entry.action === "apply"));
    const names = ready.map(({ name }) => name);
    if (!dry_run && names.length > 0) {
      await invocation.confirm({ op: "apply to the database of", subject: `${stack}: ${names.join(", ")}` });
      for (const migration of ready) await applyMigration(database, migration);
    }
    return {
      data: { stack, dry_run, applied: names },
      text: names.length === 0 ? "Nothing to do." : `${dry_run ? "Would be" : "Were"} applied: ${names.join(", ")}`,
      audit: { detail: { applied: names } },
    };
  },
});
