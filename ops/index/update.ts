/** `ops index update`: the configured sources into the index, by content hash. */
import { dirname, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { EXIT } from "../command/errors.ts";
import { confirm, type Invocation, type Outcome, perform } from "../command/invocation.ts";
import { loadConfig } from "./config.ts";
import { type SyncResult, syncIndex } from "./sync.ts";

export interface IndexUpdateOptions {
  /** Path of the configuration; folders in it are relative to where it lies. */
  config: string;
  since?: number;
  dryRun?: boolean;
  yes?: boolean;
}

const STAGES = { read: "read files", send: "send documents", index: "index documents", delete: "delete documents" };

/** Runs an update and reports it; exit code 4 when some documents could not be indexed. */
export async function runIndexUpdate(invocation: Invocation, options: IndexUpdateOptions): Promise<Outcome> {
  const path = resolve(options.config);
  const config = await loadConfig(path);
  const { progress } = invocation;
  let stage = "";
  const result = await syncIndex({
    client: await invocation.client(),
    config,
    cwd: dirname(path),
    dry_run: options.dryRun === true,
    ...(options.since === undefined ? {} : { since_ms: options.since }),
    signal: invocation.signal,
    approveDeletion: (ids) =>
      confirm(
        invocation,
        { op: "delete", subject: `${ids.length} documents whose files are gone` },
        options.yes === true,
      ),
    onProgress: (next, done, total) => {
      if (next !== stage) {
        stage = next;
        progress.start(STAGES[next], total);
      }
      progress.update(done);
      if (done === total) progress.stop();
    },
  });
  return { data: result, text: describe(result), exit_code: result.failed > 0 ? EXIT.partial : EXIT.done };
}

function describe(result: SyncResult): string {
  const { scanned, added, changed, unchanged, deleted, failed } = result;
  const verb = result.dry_run ? "Would index" : "Indexed";
  const lines = [
    `${verb} ${scanned} files: ${added} added, ${changed} changed, ${unchanged} unchanged, ${deleted} deleted, ${failed} failed`,
    ...result.failures.map(({ id, cause }) => `  failed ${id}: ${cause}`),
  ];
  if (result.dry_run) {
    const { add, change, delete: gone } = result.plan;
    for (const [word, ids] of [
      ["add", add],
      ["change", change],
      ["delete", gone],
    ] as const)
      lines.push(...ids.map((id) => `  ${word} ${id}`));
  }
  return lines.join("\n");
}

export function registerIndexUpdate(index: Command): void {
  index
    .command("update")
    .description("bring the index in line with the sources of prism.config.json; unchanged documents cost nothing")
    .option("--config <file>", "which sources to index", "prism.config.json")
    .option(
      "--since <when>",
      "skip known files not changed for this long, such as 2d or 6h, or since an ISO date",
      parseSince,
    )
    .option("--dry-run", "show what would be added, changed and deleted; change nothing")
    .option("--yes", "delete vanished documents without asking, however many")
    .addHelpText(
      "after",
      `
Examples:
  npm run ops -- index update
  npm run ops -- index update --dry-run
  npm run ops -- index update --config handbook.config.json --since 2d --json
JSON: {scanned, added, changed, unchanged, deleted, failed, failures: [{id, cause}], dry_run, plan: {add, change, delete}}`,
    )
    .action((options: IndexUpdateOptions, command: Command) =>
      perform(command, (invocation) => runIndexUpdate(invocation, options)),
    );
}

/** `90m`, `6h`, `2d` before now, or an ISO date; as a time in milliseconds. */
function parseSince(text: string): number {
  const [, amount, unit] = /^(\d+)(m|h|d)$/.exec(text) ?? [];
  const unit_ms = { m: 60_000, h: 3_600_000, d: 86_400_000 }[unit ?? ""];
  const at_ms = unit_ms === undefined ? Date.parse(text) : Date.now() - Number(amount) * unit_ms;
  if (Number.isNaN(at_ms))
    throw new InvalidArgumentError("Expected a time back such as 90m, 6h or 2d, or an ISO date.");
  return at_ms;
}
