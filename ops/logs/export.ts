/** `ops logs export`: a window of the log as a file. */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { csvRecord } from "../../worker/ground/csv.ts";
import { defineCommand } from "../command/define.ts";
import { writeOutput } from "../command/output-file.ts";
import { fieldText, type LogLine } from "./log-line.ts";
import { readLog, readWindow, readWords, windowOptions } from "./read.ts";

/** Columns of the CSV: fields of a line, as `fieldText` names them. */
const COLUMNS = [
  "request_id",
  "user_id",
  "method",
  "endpoint",
  "status_code",
  "duration_ms",
  "model",
  "tokens.input",
  "tokens.output",
  "tokens.saved",
  "error.type",
  "error.message",
] as const;

export const logsExport = defineCommand({
  path: "logs export",
  group: "logs",
  summary: "write the lines of a window into a file, as NDJSON or CSV, oldest first",
  notes: `Written as it is read: a long window takes time, not memory. NDJSON has every field; CSV has the usual ones, with an apostrophe
before what a spreadsheet would run.`,
  risk: "read",
  options: z.object({
    ...windowOptions.shape,
    format: z.enum(["ndjson", "csv"]).default("ndjson").describe("of the file"),
    out: z.string().optional().meta({
      placeholder: "file",
      description: "a new file (default: log-STACK-FROM.FORMAT in this folder)",
    }),
  }),
  output: z.strictObject({ ...readWindow.shape, file: z.string(), bytes: z.int(), lines: z.int() }),
  examples: [
    "logs export --since 24h --out yesterday.ndjson",
    "logs export --since 7d --level error --format csv --out errors.csv",
  ],
  async run(invocation, { format, out, ...options }) {
    const { told, lines } = readLog(invocation, options);
    const begun = told.from.slice(0, 19).replaceAll(/[-:]/g, "");
    const file = out ?? `log-${invocation.stack}-${begun}.${format}`;
    let written = 0;
    async function* records(): AsyncGenerator<string, void> {
      if (format === "csv") yield csvRecord(["at", "worker", "level", "message", ...COLUMNS]);
      for await (const line of lines) {
        written += 1;
        yield format === "csv" ? csvLine(line) : `${JSON.stringify(line)}\n`;
      }
    }
    const { signal } = invocation;
    const bytes = await writeOutput(file, { op: "write", is_new: true, mode: 0o600, signal }, async () => records());
    const data = { ...told, file, bytes, lines: written };
    return {
      data,
      text: `Wrote ${file}: ${counted(written, "line")}, ${counted(data.bytes, "byte")}. ${readWords(told)}.`,
    };
  },
});

function csvLine(line: LogLine): string {
  const { at, worker, level, message } = line;
  return csvRecord([at, worker, level, message, ...COLUMNS.map((name) => fieldText(line, name) ?? "")]);
}
