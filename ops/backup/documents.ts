/** `ops backup documents`: which documents are in a snapshot. */
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import { positive } from "../command/options.ts";
import { table } from "../command/output.ts";
import { readManifest } from "./manifest.ts";
import { repositoryOptions, withRepository } from "./open.ts";
import { documentsIn } from "./stored-documents.ts";

const listed = z.strictObject({
  id: z.string(),
  tenant: z.string(),
  title: z.string(),
  chunks: z.int(),
  version: z.int(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
});

export const backupDocuments = defineCommand({
  path: "backup documents",
  group: "backup",
  summary: "list the documents in a snapshot: id, title, tenant, when they were changed",
  notes: "In the order in which they were first written. One of them comes back with `ops restore document`.",
  risk: "read",
  args: z.object({ id: z.string().default("latest").describe("the snapshot, or the beginning of its id") }),
  options: z.object({
    ...repositoryOptions.shape,
    tenant: z.string().optional().describe("only this one's documents"),
    limit: positive.default(100).describe("how many at most"),
  }),
  output: z.strictObject({ snapshot: z.string(), total: z.int(), documents: z.array(listed) }),
  examples: ["backup documents", "backup documents 3fa9 --tenant acme --limit 1000 --json"],
  run(invocation, { id, tenant, limit, ...options }) {
    return withRepository(invocation, options, null, async (repository) => {
      const snapshot = await repository.openSnapshot(id);
      const documents: z.infer<typeof listed>[] = [];
      let total = 0;
      for await (const { chunk_ids, created_at_ms, updated_at_ms, ...document } of documentsIn(
        snapshot,
        await readManifest(snapshot),
      )) {
        if (tenant !== undefined && tenant !== document.tenant) continue;
        total += 1;
        if (documents.length === limit) continue;
        documents.push({
          id: document.id,
          tenant: document.tenant,
          title: document.title,
          chunks: chunk_ids.length,
          version: document.version,
          created_at: new Date(created_at_ms).toISOString(),
          updated_at: new Date(updated_at_ms).toISOString(),
        });
      }
      const drawn = table(invocation.terminal, documents, [
        { title: "document", value: (one) => one.id },
        { title: "tenant", value: (one) => one.tenant },
        { title: "changed", value: (one) => one.updated_at },
        { title: "chunks", value: (one) => one.chunks, align: "right" },
        { title: "title", value: (one) => one.title },
      ]);
      if (total > documents.length) invocation.note(`${documents.length} of ${total}: --limit ${total} lists all`);
      return { data: { snapshot: snapshot.info.id, total, documents }, text: drawn };
    });
  },
});
