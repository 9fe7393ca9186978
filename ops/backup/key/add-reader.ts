/** `ops backup key add-reader` */
import { z } from "zod";
import { defineCommand } from "../../command/define.ts";
import { misuse } from "../../command/errors.ts";
import { repositoryOptions } from "../open.ts";
import { changeKeys, keyChange, NOTES, out } from "./change-keys.ts";

export const backupKeyAddReader = defineCommand({
  path: "backup key add-reader",
  group: "backup",
  summary: "let another key read and restore",
  notes: NOTES,
  risk: "change",
  args: z.object({ name: z.string().describe("what the reader is called") }),
  options: z.object({
    ...repositoryOptions.shape,
    out: out.optional(),
    recipient: z
      .string()
      .optional()
      .meta({ placeholder: "age1…", description: "the reader's own public key; without it a pair is made" }),
  }),
  output: keyChange,
  examples: ["backup key add-reader auditor --recipient age1… --key-file ./escrow.json"],
  async run(invocation, { name, out, recipient, ...options }) {
    if (recipient === undefined && out === undefined)
      throw misuse({ op: "make", subject: "a key", cause: "it has nowhere to go", hint: "--out FILE, a new file" });
    return await changeKeys(invocation, options, { change: "add-reader", name, file: out }, (keys) =>
      keys.addReader(name, recipient),
    );
  },
});
