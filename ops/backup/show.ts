/** `ops backup show`: what is in a snapshot. */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { defineCommand } from "../command/define.ts";
import { table } from "../command/output.ts";
import { shownBytes } from "../command/quantities.ts";
import { leftOut, readManifest, snapshotBody, snapshotSummary, tableSummary } from "./manifest.ts";
import { repositoryOptions, withRepository } from "./open.ts";
import { snapshotInfo } from "./repository/repository.ts";

export const backupShow = defineCommand({
  path: "backup show",
  group: "backup",
  summary: "show what is in a snapshot",
  risk: "read",
  args: z.object({ id: z.string().describe("the snapshot, or the beginning of its id; `latest` is the newest one") }),
  options: repositoryOptions,
  output: z.strictObject({
    snapshot: snapshotInfo,
    summary: snapshotSummary,
    tables: z.array(
      tableSummary
        .pick({ name: true, rows: true, digest: true, consistency: true })
        .extend({ layers: z.int(), bytes: z.int() }),
    ),
    left_out: leftOut,
    objects: z.strictObject({ vectors: z.int(), audit: z.int() }).nullable(),
    stores: snapshotBody.shape.stores,
  }),
  examples: ["backup show latest", "backup show 3fa9 --json"],
  run(invocation, { id, ...options }) {
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
        `Snapshot ${info.id} (${summary.kind}) of ${summary.stack}, by ${info.tool}, signed by ${info.signer}${info.tags.map((tag) => `, tagged ${tag}`).join("")}`,
        `State of ${new Date(summary.state_at_ms).toISOString()}, migration ${summary.database.migration ?? "unknown"}, ` +
          `${shownBytes(info.bytes)} in ${counted(info.parts, "part")}, ${shownBytes(info.new_bytes)} of them new`,
        table(invocation.terminal, tables, [
          { title: "table", value: ({ name }) => name },
          { title: "rows", value: ({ rows }) => rows, align: "right" },
          { title: "bytes", value: ({ bytes }) => shownBytes(bytes), align: "right" },
          { title: "layers", value: ({ layers }) => layers, align: "right" },
          { title: "state", value: ({ consistency }) => consistency },
          { title: "digest", value: ({ digest }) => digest.slice(0, 16) },
        ]),
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
  },
});
