/** `ops backup key add-writer` */
import { z } from "zod";
import { defineCommand } from "../../command/define.ts";
import { repositoryOptions } from "../open.ts";
import { changeKeys, keyChange, NOTES, out } from "./change-keys.ts";

export const backupKeyAddWriter = defineCommand({
  path: "backup key add-writer",
  group: "backup",
  summary: "make a key that can back up, and read nothing back",
  notes: NOTES,
  risk: "change",
  args: z.object({ name: z.string().describe("what the writer is called") }),
  options: z.object({ ...repositoryOptions.shape, out }),
  output: keyChange,
  examples: ["backup key add-writer ci --out ./ci-key.json --key-file ./escrow.json"],
  run(invocation, { name, out, ...options }) {
    return changeKeys(invocation, options, { change: "add-writer", name, file: out }, (keys) => keys.addWriter(name));
  },
});
