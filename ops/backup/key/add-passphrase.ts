/** `ops backup key add-passphrase` */
import { z } from "zod";
import { defineCommand } from "../../command/define.ts";
import { misuse } from "../../command/errors.ts";
import { repositoryOptions } from "../open.ts";
import { changeKeys, keyChange, NOTES } from "./change-keys.ts";

export const backupKeyAddPassphrase = defineCommand({
  path: "backup key add-passphrase",
  group: "backup",
  summary: "put the key at hand into the repository, behind PRISM_BACKUP_PASSPHRASE",
  notes: NOTES,
  risk: "change",
  args: z.object({ name: z.string().describe("what the passphrase is called") }),
  options: repositoryOptions,
  output: keyChange,
  examples: ["backup key add-passphrase safe --key-file ./escrow.json"],
  async run(invocation, { name, ...options }) {
    const passphrase = invocation.env.PRISM_BACKUP_PASSPHRASE;
    if (!passphrase)
      throw misuse({
        op: "add",
        subject: "a passphrase",
        cause: "it is not in the environment",
        hint: "export PRISM_BACKUP_PASSPHRASE=…",
      });
    return await changeKeys(invocation, options, { change: "add-passphrase", name }, async (keys) => {
      await keys.addPassphrase(name, passphrase);
      return null;
    });
  },
});
