/** `ops audit export`: the audit log, or its compliance report, as a file. */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { defineCommand } from "../command/define.ts";
import { OpsError } from "../command/errors.ts";
import { writeOutput } from "../command/output-file.ts";

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
    const ask = async (): Promise<AsyncIterable<string>> => {
      const response = report
        ? await client.send("POST", "/api/v1/audit-export/compliance-report", period)
        : await client.send("GET", `/api/v1/audit-export?${query}`);
      if (response.ok && response.body !== null) return response.body.pipeThrough(new TextDecoderStream());
      throw new OpsError({
        op: "export",
        subject: "the audit log",
        cause: `${response.status} ${(await response.text()).slice(0, 200)}`,
        hint: "npm run ops -- audit verify reads the log without the service",
      });
    };
    const bytes = await writeOutput(file, { op: "write", is_new: true, mode: 0o600, signal: invocation.signal }, ask);
    return { data: { file, bytes }, text: `Wrote ${file} (${counted(bytes, "byte")})` };
  },
});
