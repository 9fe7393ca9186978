/** `ops backup show`: what is in a snapshot. */
import type { Command } from "commander";
import { type Invocation, type Outcome, perform } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { readManifest } from "./manifest.ts";
import { type RepositoryOptions, withRepository, withRepositoryOptions } from "./open.ts";
import { shownBytes } from "./shown.ts";

export function registerBackupShow(backup: Command): void {
  withRepositoryOptions(backup.command("show <id>"))
    .description("what is in a snapshot; `latest` is the newest one")
    .addHelpText(
      "after",
      `
Examples:
  npm run ops -- backup show latest
  npm run --silent ops -- backup show 3fa9 --json
JSON: {snapshot, summary, tables: [{name, rows, digest, consistency, layers, bytes}], left_out, objects: {vectors, audit}, stores}`,
    )
    .action((id: string, options: RepositoryOptions, command: Command) =>
      perform(command, (invocation) => showBackup(invocation, id, options)),
    );
}

async function showBackup(invocation: Invocation, id: string, options: RepositoryOptions): Promise<Outcome> {
  return withRepository(invocation, options, null, async (repository) => {
    const snapshot = await repository.openSnapshot(id);
    const { summary, inventory, body } = await readManifest(snapshot);
    const { info } = snapshot;
    const tables = inventory.database.tables.map(({ name, rows, digest, consistency, layers, ...sizes }) => ({
      name,
      rows,
      digest,
      consistency,
      layers: layers.length,
      bytes: sizes.base_bytes + sizes.layer_bytes,
    }));
    const objects = inventory.buckets && {
      vectors: inventory.buckets.vectors.objects.length,
      audit: inventory.buckets.audit.objects.length,
    };
    const { left_out } = inventory.database;
    const lines = [
      `Snapshot ${info.id} (${summary.kind}) of ${summary.stack}, by ${info.tool}, signed by ${info.signer}`,
      `State of ${new Date(summary.state_at_ms).toISOString()}, migration ${summary.database.migration ?? "unknown"}, ` +
        `${shownBytes(info.bytes)} in ${info.parts} parts, ${shownBytes(info.new_bytes)} of them new`,
      table(
        tables,
        [
          { title: "table", value: ({ name }) => name },
          { title: "rows", value: ({ rows }) => rows, align: "right" },
          { title: "bytes", value: ({ bytes }) => shownBytes(bytes), align: "right" },
          { title: "layers", value: ({ layers }) => layers, align: "right" },
          { title: "state", value: ({ consistency }) => consistency },
          { title: "digest", value: ({ digest }) => digest.slice(0, 16) },
        ],
        invocation.terminal,
      ),
      ...left_out.map(({ name, reason }) => `Left out: ${name} (${reason})`),
      ...(objects ? [`Objects: ${objects.vectors} of vectors, ${objects.audit} of the audit archive`] : []),
      ...(body.stores
        ? [
            `Vectors in the index: ${body.stores.index.vectors}, configuration entries: ${body.stores.config.keys}, ` +
              `Worker version ${body.stores.worker.version_id}, skew ${body.stores.skew_ms} ms`,
          ]
        : []),
    ];
    return {
      data: { snapshot: info, summary, tables, left_out, objects, stores: body.stores },
      text: lines.join("\n"),
    };
  });
}
