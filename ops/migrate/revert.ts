/** `ops migrate revert` */
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { defineCommand } from "../command/define.ts";
import { refusal } from "../command/errors.ts";
import { revertMigration } from "./ledger.ts";
import { openMigrations } from "./open.ts";

export const migrateRevert = defineCommand({
  path: "migrate revert",
  group: "data",
  summary: "take the newest migration back by its written way",
  notes:
    "It runs whole or not at all, after a rehearsal on an empty copy of the live schema. Exit code 3: not confirmed, no way back, or the deployed version needs the migration.",
  risk: "destructive",
  output: z.strictObject({ stack: z.enum(STACKS), dry_run: z.boolean(), reverted: z.array(z.string()) }),
  examples: ["migrate revert --dry-run", "migrate revert --stack production --yes"],
  async run(invocation) {
    const { stack, dry_run } = invocation;
    const { files, applied, deployed, database } = await openMigrations(invocation);
    const name = applied.at(-1);
    if (name === undefined) return { data: { stack, dry_run, reverted: [] }, text: "Nothing to do." };
    const refuse = (cause: string, hint: string) => refusal({ op: "take back migration", subject: name, cause, hint });
    const migration = files.find((file) => file.name === name);
    if (!migration) throw refuse("this checkout does not hold it", "check out the release that brought it");
    if (deployed.kind === "version" && (deployed.schema === null || deployed.schema >= name))
      throw refuse(
        deployed.schema === null
          ? "the deployed version does not say which schema it needs"
          : `the deployed version was made for ${deployed.schema} and needs it`,
        "deploy a release from before it first (npm run ops -- rollback)",
      );
    if (!dry_run) {
      await invocation.confirm({ op: "take back, with the data it holds, migration", subject: name });
      await revertMigration(database, migration);
    }
    return {
      data: { stack, dry_run, reverted: [name] },
      text: `${dry_run ? "Would be" : "Were"} reverted: ${name}`,
      audit: { detail: { reverted: [name] } },
    };
  },
});
