/** `ops index update`: the configured sources into the index, by content hash. */
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT } from "../command/errors.ts";
import { momentBefore } from "../command/options.ts";
import { harmless } from "../command/output.ts";
import { loadConfig } from "./config.ts";
import { keepRefusals, readRefusals } from "./refusals.ts";
import { type SyncResult, syncIndex, syncResult } from "./sync.ts";

/** Exit code 4 when some documents could not be indexed. */
export const indexUpdate = defineCommand({
  path: "index update",
  group: "index",
  summary: "bring the index in line with the sources of prism.config.json; unchanged documents cost nothing",
  notes: `Exit code 4 when some documents could not be indexed. Safe to repeat. A file that cannot be converted is told each time, and read
again when it, or the converter, is another.`,
  risk: "change",
  asks: true,
  options: z.object({
    config: z
      .string()
      .default("prism.config.json")
      .meta({ placeholder: "file", description: "which sources to index" }),
    since: momentBefore.optional().meta({
      placeholder: "when",
      description: "skip known files not changed for this long, such as 2d or 6h, or since an ISO date",
    }),
  }),
  output: syncResult,
  examples: ["index update", "index update --dry-run", "index update --config handbook.config.json --since 2d --json"],
  async run(invocation, { config: file, since }) {
    const path = resolve(file);
    const { data_dir, dry_run } = invocation;
    const refusals = await readRefusals(data_dir);
    const result = await syncIndex({
      client: await invocation.client(),
      config: await loadConfig(path),
      cwd: dirname(path),
      dry_run,
      refusals,
      ...(since === undefined ? {} : { since_ms: since(invocation.now()) }),
      signal: invocation.signal,
      approveDeletion: (ids) =>
        invocation.confirm({
          op: "delete",
          subject: `${counted(ids.length, "document")} whose files are gone or empty`,
        }),
      progress: invocation.progress,
    });
    if (!dry_run && refusals.size > 0) await keepRefusals(data_dir, refusals);
    const { plan: _, failures, ...counts } = result;
    return {
      data: result,
      text: describe(result),
      exit_code: result.failed > 0 ? EXIT.partial : EXIT.done,
      audit: { detail: counts },
    };
  },
});

function describe(result: SyncResult): string {
  const { scanned, added, changed, unchanged, deleted, failed } = result;
  const verb = result.dry_run ? "Would index" : "Indexed";
  const lines = [
    `${verb} ${counted(scanned, "file")}: ${added} added, ${changed} changed, ${unchanged} unchanged, ${deleted} deleted, ${failed} failed`,
    ...result.failures.map(({ id, cause }) => `  failed ${harmless(id)}: ${harmless(cause)}`),
  ];
  if (result.dry_run) {
    const { add, change, delete: gone } = result.plan;
    for (const [word, ids] of [
      ["add", add],
      ["change", change],
      ["delete", gone],
    ] as const)
      lines.push(...ids.map((id) => `  ${word} ${harmless(id)}`));
  }
  return lines.join("\n");
}
