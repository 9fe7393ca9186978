/** `ops audit export`: the audit log, or its compliance report, as a file. */
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import { OpsError, refusal } from "../command/errors.ts";

const time = z.iso.datetime({ offset: true });
/** The old reports began with the service. */
const BEGINNING = "1970-01-01T00:00:00Z";

export const auditExport = defineCommand({
  path: "audit export",
  group: "security",
  summary: "write the audit log, or a compliance report of it, to a file",
  notes: "In the order of the chain with its hashes, so that whoever gets it can verify it (docs/audit-log.md).",
  risk: "read",
  args: z.object({ file: z.string().describe("a new file") }),
  options: z.object({
    format: z
      .enum(["csv", "json"])
      .default("csv")
      .describe("CSV has an apostrophe before what a spreadsheet would run"),
    report: z
      .boolean()
      .default(false)
      .describe("the compliance report: what was done, by whom, counted; what vouches for it"),
    archive: z.boolean().default(false).describe("with what is in the archive only"),
    action: z.string().optional().meta({ placeholder: "name", description: "only this action, e.g. keys.create" }),
    from: time.optional().meta({ placeholder: "time", description: "not before this time, e.g. 2026-01-01T00:00:00Z" }),
    to: time.optional().meta({ placeholder: "time", description: "before this time" }),
  }),
  output: z.strictObject({ file: z.string(), bytes: z.int() }),
  examples: [
    "audit export audit.csv --archive",
    "audit export report.json --report --format json --from 2026-01-01T00:00:00Z",
  ],
  async run(invocation, { file, format, report, archive, action, from, to }) {
    const client = await invocation.client();
    const query = new URLSearchParams({
      format,
      archive: archive ? "1" : "0",
      ...(action !== undefined && { actionType: action }),
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
    });
    const period = { from: from ?? BEGINNING, to: to ?? new Date(invocation.now()).toISOString(), format };
    const response = report
      ? await client.send("POST", "/api/v1/audit-export/compliance-report", period)
      : await client.send("GET", `/api/v1/audit-export?${query}`);
    if (!response.ok || response.body === null)
      throw new OpsError({
        op: "export",
        subject: "the audit log",
        cause: `${response.status} ${(await response.text()).slice(0, 200)}`,
        hint: "npm run ops -- audit verify reads the log without the service",
      });
    const out = createWriteStream(file, { flags: "wx", mode: 0o600 });
    await pipeline(Readable.fromWeb(response.body as ReadableStream), out, { signal: invocation.signal }).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
        const parts = { op: "write", subject: file, cause: "it is there already", hint: "name a new file" };
        throw refusal(parts);
      },
    );
    return { data: { file, bytes: out.bytesWritten }, text: `Wrote ${file} (${out.bytesWritten} bytes)` };
  },
});
