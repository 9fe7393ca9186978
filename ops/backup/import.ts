/** `ops backup import`: an off-account copy of a repository back into the stack's own place. */
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import { copyReport, copyRepository } from "./import/copy.ts";
import { repositoryOptions } from "./open.ts";

export const backupImport = defineCommand({
  path: "backup import",
  group: "backup",
  summary: "bring a copied repository back into the stack's bucket, or into --repository; only what is missing",
  notes:
    "The keys come along by hand: they are in no repository. Then: npm run ops -- backup verify, npm run ops -- restore plan.",
  risk: "change",
  args: z.object({ place: z.string().describe("the copy: a folder or 's3://bucket/prefix?endpoint=URL&region=NAME'") }),
  options: repositoryOptions,
  output: copyReport,
  examples: [
    "backup import /media/vault --key-file ./escrow.json",
    'backup import "s3://vault/prism?endpoint=https://…" --repository ./here --json',
  ],
  run: (invocation, { place, repository, key_file, limit_rate }) =>
    copyRepository(invocation, { from: place, to: repository, key_file, limit_rate }),
});
