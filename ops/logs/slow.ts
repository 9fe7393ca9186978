/** `ops logs slow` */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { defineCommand } from "../command/define.ts";
import { table } from "../command/output.ts";
import { durationsByRoute, slowRow } from "./analyses.ts";
import { LOG_ROWS_SHOWN } from "./limits.ts";
import { followWords, readLog, readWindow, readWords, windowOptions } from "./read.ts";

export const logsSlow = defineCommand({
  path: "logs slow",
  group: "logs",
  summary: "how long each route took: p50, p95, p99 and the slowest request, the slowest route first",
  notes: "Exact, over every line of the window: of a service that logs at LOG_LEVEL INFO. --json has all of the rows.",
  risk: "read",
  options: windowOptions,
  output: z.strictObject({ ...readWindow.shape, requests: z.int(), rows: z.array(slowRow) }),
  examples: ["logs slow --since 24h", "logs slow --since 2d --until 1d --endpoint search --json"],
  async run(invocation, options) {
    const { told, lines } = readLog(invocation, options);
    const analysis = durationsByRoute();
    for await (const line of lines) analysis.add(line);
    const rows = analysis.rows();
    const requests = rows.reduce((sum, { count }) => sum + count, 0);
    const drawn = table(invocation.terminal, rows.slice(0, LOG_ROWS_SHOWN), [
      { title: "route", value: ({ route }) => route },
      { title: "count", value: ({ count }) => count, align: "right" },
      { title: "p50 ms", value: ({ p50_ms }) => p50_ms, align: "right" },
      { title: "p95 ms", value: ({ p95_ms }) => p95_ms, align: "right" },
      { title: "p99 ms", value: ({ p99_ms }) => p99_ms, align: "right" },
      { title: "max ms", value: ({ max_ms }) => max_ms, align: "right" },
      { title: "slowest at", value: ({ slowest_at }) => slowest_at.slice(5, 19).replace("T", " ") },
    ]);
    const slowest = rows[0]?.slowest_request_id;
    const text = [
      ...(rows.length === 0 ? [] : [drawn]),
      `${counted(requests, "request")} and jobs. ${readWords(told)}.`,
      ...(slowest == null ? [] : [followWords(told, slowest)]),
    ];
    return { data: { ...told, requests, rows }, text: text.join("\n") };
  },
});
