/** `ops usage`: what the plan allows, how much of it is used, and until when the rest lasts. */
import { z } from "zod";
import { nameInStack, SERVICE, STACKS } from "../../infra/inventory.ts";
import { counted } from "../../worker/ground/counted.ts";
import { DAY_MS } from "../../worker/ground/time.ts";
import { capacityReport } from "../../worker/schemas/monitoring.ts";
import { usageSummary } from "../../worker/schemas/usage.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { defineCommand } from "../command/define.ts";
import { asOpsError, EXIT } from "../command/errors.ts";
import { table } from "../command/output.ts";
import { measured } from "../schedule/measures.ts";
import { countCpuExceeded } from "./cpu-exceeded.ts";
import { readPerChunk } from "./per-chunk.ts";
import { resourceRow, resourceRows, shownAmount } from "./resources.ts";

const output = z.strictObject({
  stack: z.enum(STACKS),
  date: z.iso.date().describe("the UTC day that daily allowances are counted for"),
  resources: z.array(resourceRow),
  per_chunk: z.strictObject({
    chunks_today: z.int().nullable(),
    rows_written: z.number().nullable().describe("all rows written today by chunks made today: an upper bound"),
    neurons: z.number().nullable().describe("to embed one of mean length with bge-small"),
    why_not_known: z.string().nullable(),
  }),
  tokens: usageSummary.shape.tokens,
  cost: z.strictObject({ estimated_usd: z.number(), per_1k_tokens_usd: z.number().nullable() }),
  measures: measured.describe("of the last 24 hours, for the alert rules: the job `usage` reports them"),
});

export const usage = defineCommand({
  path: "usage",
  group: "usage",
  summary:
    "every resource that the plan bounds: used, limit, state, and the hour it runs out; rows and neurons a chunk",
  notes: `Counted by the service itself: others of the account are not in it. States: from 80 % warning, 90 % high, 95 % critical.
Exit code 1 when one is critical.`,
  risk: "read",
  output,
  examples: ["usage", "usage --stack production --json"],
  async run(invocation) {
    const client = await invocation.client();
    const [capacity, summary] = await Promise.all([
      client.get("/monitoring/capacity-report", capacityReport),
      client.get("/api/v1/usage/summary", usageSummary),
    ]);
    const now_ms = invocation.now();
    const resources = resourceRows(capacity, now_ms);
    const rows_written = capacity.daily.d1_rows_written.used;
    const per_chunk = await invocation
      .target()
      .then((target) =>
        readPerChunk(target, { rows_written, midnight_ms: now_ms - (now_ms % DAY_MS), signal: invocation.signal }),
      )
      .then((found) => ({ ...found, why_not_known: null }))
      .catch((error: unknown) => ({
        ...{ chunks_today: null, rows_written: null, neurons: null },
        why_not_known: asOpsError(error).message,
      }));
    const cpu = await invocation
      .target()
      .then(async (target) => {
        const address = await target.api();
        return countCpuExceeded(createCloudflare(address, { signal: invocation.signal }), {
          account_id: address.account_id,
          script: nameInStack(SERVICE, invocation.stack),
          from_ms: now_ms - DAY_MS,
          to_ms: now_ms,
        });
      })
      .then((cpu_exceeded) => ({ cpu_exceeded }))
      .catch((error: unknown) => ({ why_not_known: asOpsError(error).message }));
    const { estimated_usd, per_1k_tokens_usd } = summary.cost;
    const data = {
      stack: invocation.stack,
      date: summary.date,
      resources,
      per_chunk,
      tokens: summary.tokens,
      cost: { estimated_usd, per_1k_tokens_usd },
      measures: "cpu_exceeded" in cpu ? cpu : {},
    };
    const drawn = table(invocation.terminal, resources, [
      { title: "resource", value: ({ resource }) => resource },
      { title: "used", value: ({ used }) => shownAmount(used), align: "right" },
      { title: "limit", value: ({ limit }) => shownAmount(limit), align: "right" },
      { title: "%", value: ({ usage_percentage }) => usage_percentage.toFixed(1), align: "right" },
      { title: "state", value: ({ state }) => state },
      { title: "runs out", value: ({ runs_out_at, per }) => runsOutWords(runs_out_at, per) },
    ]);
    const { input, output: out, saved, savings_percentage } = summary.tokens;
    const lines = [
      drawn,
      `Today: ${counted(input, "token", shownAmount(input))} in, ${shownAmount(out)} out, ${shownAmount(saved)} saved (${savings_percentage.toFixed(1)} %); ${estimated_usd.toFixed(4)} USD at list price.`,
      per_chunk.why_not_known === null
        ? `A chunk: ${per_chunk.rows_written ?? "no figure of"} rows written at most (${counted(per_chunk.chunks_today, "chunk")} today), ${per_chunk.neurons ?? "no figure of"} neurons to embed.`
        : `A chunk: not known: ${per_chunk.why_not_known}`,
      "cpu_exceeded" in cpu
        ? `Ended for their CPU time in 24 hours: ${counted(cpu.cpu_exceeded, "invocation", shownAmount(cpu.cpu_exceeded))}.`
        : `Invocations ended for their CPU time: not known: ${cpu.why_not_known}`,
    ];
    const isCritical = resources.some(({ state }) => state === "critical");
    return { data, text: lines.join("\n"), exit_code: isCritical ? EXIT.check_failed : EXIT.done };
  },
});

function runsOutWords(at: string | null, per: "day" | "account"): string {
  if (at === null) return per === "day" ? "not today" : "-";
  return `${at.slice(0, 16).replace("T", " ")} UTC`;
}
