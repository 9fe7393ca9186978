/** `ops logs tokens` */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { defineCommand } from "../command/define.ts";
import { table } from "../command/output.ts";
import { tokensByModel, tokensRow } from "./analyses.ts";
import { readLog, readWindow, readWords, windowOptions } from "./read.ts";

export const logsTokens = defineCommand({
  path: "logs tokens",
  group: "logs",
  summary: "tokens by model: in, out, saved, with neurons and price",
  notes: "From the lines of a service that logs at LOG_LEVEL INFO.",
  risk: "read",
  options: windowOptions,
  output: z.strictObject({ ...readWindow.shape, rows: z.array(tokensRow) }),
  examples: ["logs tokens --since 24h", "logs tokens --since 7d --user a1b2c3d4 --json"],
  async run(invocation, options) {
    const { told, lines } = readLog(invocation, options);
    const analysis = tokensByModel();
    for await (const line of lines) analysis.add(line);
    const rows = analysis.rows();
    const drawn = table(invocation.terminal, rows, [
      { title: "model", value: ({ model }) => model },
      { title: "answers", value: ({ answers }) => answers, align: "right" },
      { title: "in", value: ({ input }) => input, align: "right" },
      { title: "out", value: ({ output }) => output, align: "right" },
      { title: "saved", value: ({ saved }) => saved, align: "right" },
      { title: "saved %", value: ({ saved_percentage }) => saved_percentage, align: "right" },
      { title: "neurons", value: ({ neurons }) => neurons, align: "right" },
      { title: "USD", value: ({ usd }) => usd, align: "right" },
    ]);
    const answers = rows.reduce((sum, row) => sum + row.answers, 0);
    const text = [
      ...(rows.length === 0 ? [] : [drawn]),
      `${counted(answers, "answer")} of models. ${readWords(told)}.`,
    ];
    return { data: { ...told, rows }, text: text.join("\n") };
  },
});
