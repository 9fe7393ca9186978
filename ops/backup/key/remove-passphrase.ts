/** `ops backup key remove-passphrase` */
import { z } from "zod";
import { defineCommand } from "../../command/define.ts";
import { repositoryOptions } from "../open.ts";
import { changeKeys, keyChange, NOTES } from "./change-keys.ts";

export const backupKeyRemovePassphrase = defineCommand({
  path: "backup key remove-passphrase",
  group: "backup",
  summary: "take a passphrase and the key behind it out of the repository",
  notes: NOTES,
  risk: "destructive",
  args: z.object({ name: z.string().describe("the passphrase, as key list shows it") }),
  options: repositoryOptions,
  output: keyChange,
  examples: ["backup key remove-passphrase safe --key-file ./escrow.json --yes"],
  run(invocation, { name, ...options }) {
    return changeKeys(invocation, options, { change: "remove-passphrase", name }, async (keys) => {
      if (!invocation.dry_run) await invocation.confirm({ op: "remove", subject: `passphrase ${name}` });
      await keys.removePassphrase(name);
      return null;
    });
  },
});
