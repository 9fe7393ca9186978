/** `ops health`: is everything there and does it answer, in one table. */
import { styleText } from "node:util";
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { deepHealth } from "../../worker/schemas/deep-health.ts";
import { metrics } from "../../worker/schemas/metrics.ts";
import { defineCommand } from "../command/define.ts";
import { asOpsError, EXIT, isReason, OpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { HEALTH_CHECK_TIMEOUT_MS } from "../limits.ts";
import { createClient } from "../service/client.ts";
import type { StackTarget } from "../stack/target.ts";
import { accountRows } from "./account-rows.ts";
import { type HealthRow, healthRow, NEXT, PARTS, type State, worst } from "./row.ts";
import { quotaRow, rowsOfDeepHealth } from "./service-rows.ts";

export const health = defineCommand({
  path: "health",
  group: "health",
  summary: "is everything there and does it answer: Worker, D1, Vectorize, KV, AI, queue, crons, quota",
  notes: `The Worker's own deep check is asked first. Where it does not answer, Cloudflare's API is asked for each part directly, so that one
failure hides no other. Cron triggers are read back from the API either way. Exit code 1 when a part is down; degraded and unknown are told.`,
  risk: "read",
  output: z.strictObject({
    stack: z.enum(STACKS),
    checked_at: z.iso.datetime(),
    state: healthRow.shape.state.describe("the worst of all parts"),
    parts: z.array(healthRow),
  }),
  examples: ["health", "health --stack production --json"],
  async run(invocation) {
    const parts = await healthRows(invocation);
    const data = {
      stack: invocation.stack,
      checked_at: new Date(invocation.now()).toISOString(),
      state: worst(parts.map(({ state }) => state)),
      parts,
    };
    const isDown = parts.some(({ state }) => state === "down");
    return { data, text: healthText(parts, invocation), exit_code: isDown ? EXIT.check_failed : EXIT.done };
  },
});

/** A row for every part. @throws OpsError where the stack itself cannot be found, or this machine lacks what asking it takes. */
async function healthRows({ stack, signal, target: find }: Invocation): Promise<HealthRow[]> {
  const target = await find();
  const [answer, crons] = await Promise.all([
    askService(target, signal),
    accountRows(target.api, stack, signal, ["crons"]),
  ]);
  const [triggers] = crons;
  if (Array.isArray(answer))
    return answer.map((row) => (row.part === "crons" && triggers?.state === "down" ? triggers : row));
  const isAsked = !isReason(answer, "not-configured");
  // Where Cloudflare cannot be asked, either, there is nothing to tell but what is to be set.
  if (!isAsked)
    await target.api().catch((error: unknown) => {
      if (isReason(error, "not-configured")) throw answer;
    });
  const others = PARTS.filter((part) => part !== "crons");
  const rows = [...(await accountRows(target.api, stack, signal, others)), ...crons];
  return PARTS.flatMap((part) => rows.filter((row) => row.part === part)).map((row) =>
    // What is deployed says where to look, not that it works.
    row.part === "worker"
      ? {
          ...row,
          state: isAsked || row.state === "down" ? "down" : "unknown",
          detail: `${answer.message}; ${row.detail}`,
        }
      : row,
  );
}

/** Rows as the Worker's own checks find them, or why there are none. */
async function askService(target: StackTarget, signal: AbortSignal): Promise<HealthRow[] | OpsError> {
  try {
    const { url, secret } = await target.service();
    const client = createClient({ url, token: secret, signal, timeout_ms: HEALTH_CHECK_TIMEOUT_MS });
    const path = "/health/deep";
    const response = await client.send("GET", path);
    // An unhealthy service says so with 503, and in the same shape.
    const answer = deepHealth.safeParse(await response.json().catch(() => null));
    if (!answer.success)
      throw new OpsError({ op: "GET", subject: path, cause: `it answered ${response.status}`, hint: NEXT.worker });
    return [...rowsOfDeepHealth(answer.data), await askQuota(client)];
  } catch (error) {
    return asOpsError(error);
  }
}

async function askQuota(client: ReturnType<typeof createClient>): Promise<HealthRow> {
  try {
    return quotaRow(await client.get("/metrics?period=1h", metrics));
  } catch (error) {
    const { message } = asOpsError(error);
    return { part: "quota", state: "unknown", asked: "service", latency_ms: null, detail: message };
  }
}

const COLOURS = { up: "green", unknown: "gray", degraded: "yellow", down: "red" } as const;

function stateWord(state: State, colour: boolean): string {
  const word = state === "down" ? "DOWN" : state;
  return colour ? styleText(COLOURS[state], word, { validateStream: false }) : word;
}

function healthText(
  parts: readonly HealthRow[],
  { terminal, colour }: Pick<Invocation, "terminal" | "colour">,
): string {
  const drawn = table(terminal, parts, [
    { title: "part", value: ({ part }) => part },
    { title: "state", value: ({ state }) => stateWord(state, colour), own_words: true },
    { title: "ms", value: ({ latency_ms }) => latency_ms ?? "-", align: "right" },
    { title: "asked", value: ({ asked }) => asked },
    { title: "detail", value: ({ detail }) => detail, wraps: true },
  ]);
  const broken = parts.filter(({ state }) => state === "down" || state === "degraded");
  const next = broken.map(({ part, state }) => `${part} is ${state}. Try: ${NEXT[part]}`);
  return [drawn, ...next].join("\n");
}
