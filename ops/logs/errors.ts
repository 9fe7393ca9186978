/** `ops logs errors` */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { defineCommand } from "../command/define.ts";
import { table } from "../command/output.ts";
import { errorRow, errorsByKind } from "./analyses.ts";
import { LOG_ROWS_SHOWN } from "./limits.ts";
import { followWords, readLog, readWindow, readWords, windowOptions } from "./read.ts";

export const logsErrors = defineCommand({
  path: "logs errors",
  group: "logs",
  summary: "errors of a window by kind and route, the most frequent first, each with its last request",
  notes: "Lines of level ERROR: what the service failed, not what it refused. --json has all of the rows.",
  risk: "read",
  options: windowOptions,
  output: z.strictObject({ ...readWindow.shape, errors: z.int(), rows: z.array(errorRow) }),
  examples: ["logs errors --since 24h", "logs errors --since 1h --endpoint chat --json"],
  async run(invocation, options) {
    const { told, lines } = readLog(invocation, options);
    const analysis = errorsByKind();
    for await (const line of lines) analysis.add(line);
    const rows = analysis.rows();
    const errors = rows.reduce((sum, { count }) => sum + count, 0);
    const drawn = table(invocation.terminal, rows.slice(0, LOG_ROWS_SHOWN), [
      { title: "count", value: ({ count }) => count, align: "right" },
      { title: "kind", value: ({ kind }) => kind },
      { title: "route", value: ({ route }) => route ?? "-" },
      { title: "last", value: ({ last_at }) => last_at.slice(5, 19).replace("T", " ") },
      { title: "last message", value: ({ message }) => message, wraps: true },
    ]);
    const newest = rows.find(({ request_id }) => request_id !== null)?.request_id;
    const text = [
      ...(rows.length === 0 ? [] : [drawn]),
      `${counted(errors, "error")}. ${readWords(told)}.`,
      ...(newest == null ? [] : [followWords(told, newest)]),
    ].join("\n");
    return { data: { ...told, errors, rows }, text };
  },
});
