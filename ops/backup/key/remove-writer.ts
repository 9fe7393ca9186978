/** `ops backup key remove-writer` */
import { z } from "zod";
import { defineCommand } from "../../command/define.ts";
import { momentBefore } from "../../command/options.ts";
import { repositoryOptions } from "../open.ts";
import { changeKeys, keyChange, NOTES } from "./change-keys.ts";

export const backupKeyRemoveWriter = defineCommand({
  path: "backup key remove-writer",
  group: "backup",
  summary: "end a key's right to back up; what it had signed stays trusted, or only what it had signed by --until",
  notes: `${NOTES} From now on nothing that it signs is believed. It keeps the secret that all writers share: with access
to the bucket it still reads sizes, names of tables and hashes of rows, and can put false parts in the way of the next backups, which
\`ops backup verify --read-data all\` with a reader's key finds. Change the bucket's credentials as well. A snapshot of
another writer that continued one which is trusted no longer continues what that said: then \`ops backup create --full\`.`,
  risk: "destructive",
  args: z.object({ name: z.string().describe("the writer, as key list shows it") }),
  options: z.object({
    ...repositoryOptions.shape,
    until: momentBefore.optional().meta({
      placeholder: "time",
      description:
        "distrust what lies in the storage since then, by its own dates: 2026-11-20T12:00:00Z, 6h (default: trust all that is there)",
    }),
  }),
  output: keyChange.extend({
    /** Its snapshots. */
    trusted: z.int(),
    distrusted: z.int(),
    writers_left: z.int(),
  }),
  examples: [
    "backup key remove-writer ci --key-file ./escrow.json --yes",
    "backup key remove-writer ci --until 2026-11-20T12:00:00Z --key-file ./escrow.json --dry-run",
  ],
  async run(invocation, { name, until, ...options }) {
    const until_ms = until?.(invocation.now()) ?? Number.POSITIVE_INFINITY;
    let told = { trusted: 0, distrusted: 0, writers_left: 0 };
    const { data, text, audit } = await changeKeys(
      invocation,
      options,
      { change: "remove-writer", name },
      async (keys) => {
        if (!invocation.dry_run) await invocation.confirm({ op: "remove", subject: `writer ${name}` });
        told = await keys.removeWriter(name, until_ms);
        return null;
      },
    );
    const left = told.writers_left === 0 ? " No writer is left: npm run ops -- backup key add-writer makes one." : "";
    return {
      data: { ...data, ...told },
      text: `${text} Of its snapshots ${told.trusted} stay trusted, ${told.distrusted} do not.${left}`,
      audit: { detail: { ...audit?.detail, ...told } },
    };
  },
});
