/** `ops logs query`: lines of a window, from the telemetry API or the archive. */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { defineCommand } from "../command/define.ts";
import { positive } from "../command/options.ts";
import { LOG_LINES_MAX, LOG_LINES_SHOWN } from "./limits.ts";
import { type LogLine, logLine } from "./log-line.ts";
import { readLog, readWindow, readWords, windowOptions } from "./read.ts";
import { shownLine } from "./shown-line.ts";

export const logsQuery = defineCommand({
  path: "logs query",
  group: "logs",
  summary: "lines of a window, oldest first: from the telemetry API, and from the archive in R2 what is older",
  notes: `Needs Cloudflare's API alone: it works while the Worker is down. The archive is Logpush's, of the paid plan. Where there may be less
than there was (too old, cut, damaged), the last line and "read" say so.`,
  risk: "read",
  options: z.object({
    ...windowOptions.shape,
    limit: positive
      .max(LOG_LINES_MAX)
      .default(LOG_LINES_SHOWN)
      .describe("the newest so many of what the filter lets through"),
  }),
  output: z.strictObject({ ...readWindow.shape, matched: z.int(), lines: z.array(logLine) }),
  examples: [
    "logs query --since 2h --level error",
    "logs query --since 30d --until 29d --status 5xx --endpoint 'POST /api/v1/chat'",
    "logs query --since 6h --request-id 0b5ff6f0 --json",
  ],
  async run(invocation, { limit, ...options }) {
    const { told, lines: all } = readLog(invocation, options);
    let matched = 0;
    const lines: LogLine[] = [];
    for await (const line of all) {
      matched += 1;
      lines.push(line);
      if (lines.length >= 2 * limit) lines.splice(0, limit);
    }
    lines.splice(0, lines.length - limit);
    const shown = lines.map((line) => shownLine(line, invocation.colour));
    const rest = matched > lines.length ? ` The first ${matched - lines.length} are not shown: --limit.` : "";
    const text = [...shown, `${counted(matched, "line")}. ${readWords(told)}.${rest}`].join("\n");
    return { data: { ...told, matched, lines }, text };
  },
});
