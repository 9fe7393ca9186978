/** `ops backup key remove-reader` */
import { z } from "zod";
import { defineCommand } from "../../command/define.ts";
import { repositoryOptions } from "../open.ts";
import { changeKeys, keyChange, NOTES } from "./change-keys.ts";

export const backupKeyRemoveReader = defineCommand({
  path: "backup key remove-reader",
  group: "backup",
  summary: "close new content to a reader",
  notes: `${NOTES} It closes what is written from now on; what the reader could read before it may have kept.`,
  risk: "destructive",
  args: z.object({ name: z.string().describe("the reader, as key list shows it") }),
  options: repositoryOptions,
  output: keyChange,
  examples: ["backup key remove-reader auditor --key-file ./escrow.json --yes"],
  run(invocation, { name, ...options }) {
    return changeKeys(invocation, options, { change: "remove-reader", name }, async (keys) => {
      if (!invocation.dry_run) await invocation.confirm({ op: "remove", subject: `reader ${name}` });
      await keys.removeReader(name);
      return null;
    });
  },
});
