/** `ops queue status`: what waits, who takes it, what died. Asks the account itself, so that it answers where the Worker does not. */
import { z } from "zod";
import { nameInStack, QUEUES, SERVICE, STACKS } from "../../infra/inventory.ts";
import { RULES } from "../../worker/alerts/rules.ts";
import { counted } from "../../worker/ground/counted.ts";
import { queueReport } from "../../worker/schemas/monitoring.ts";
import { queueId } from "../cloudflare/account-resources.ts";
import type { Cloudflare } from "../cloudflare/official.ts";
import { defineCommand } from "../command/define.ts";
import { asOpsError, EXIT } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { shownBytes, shownTime } from "../command/quantities.ts";
import { liveDatabase, openStack } from "../stack/delivery.ts";
import { messageIn } from "./letters.ts";

const queueLook = z.strictObject({
  name: z.string(),
  waiting: z.int(),
  waiting_bytes: z.int(),
  oldest_s: z
    .number()
    .nullable()
    .describe("age of the message that waits longest; null: none waits, or it is not known"),
  consumer: z.string().nullable().describe("the Worker that takes messages; null: none does"),
  paused: z.boolean().describe("whether delivery was paused"),
});
type QueueLook = z.infer<typeof queueLook>;

const letterLook = z.strictObject({
  count: z.int(),
  oldest_at: z.iso.datetime().nullable(),
  newest_at: z.iso.datetime().nullable(),
  by_type: z.record(z.string(), z.int()),
});

const output = z.strictObject({
  stack: z.enum(STACKS),
  ok: z.boolean(),
  problems: z.array(z.strictObject({ problem: z.string(), try: z.string() })),
  queues: z.array(queueLook),
  dead_letters: letterLook.nullable().describe("null: the database does not answer"),
  messages_24h: z
    .array(z.strictObject({ type: z.string(), outcome: z.string(), count: z.int() }))
    .nullable()
    .describe("done with in the last 24 hours; null: the service does not answer"),
  open_parts: z.int().nullable().describe("parts of jobs that are not done; null as above"),
  owed_vectors: z.int().nullable().describe("changes that Vectorize has not been sent; null as above"),
});
type Status = z.infer<typeof output>;

export const queueStatus = defineCommand({
  path: "queue status",
  group: "queue",
  summary: "what waits in the queues and for how long, who takes it, what died, what was done in a day",
  notes: `Asks Cloudflare's API and the database, so that it answers while the Worker is down; only what was done in the last day comes from the Worker.
Exit code 1: nobody takes messages, too many or too old ones wait (the thresholds of the alerts queue-depth and queue-age), or letters are dead.`,
  risk: "read",
  output,
  examples: ["queue status", "queue status --stack production --json"],
  async run(invocation) {
    const stack = await openStack(invocation);
    const queues = [];
    for (const queue of Object.values(QUEUES))
      queues.push(await look(stack.client, stack.account_id, queue, invocation));
    const [letters, report] = await Promise.all([
      orTold(invocation, "dead letters", async () => lettersByType(await liveDatabase(stack))),
      orTold(invocation, "what was done in the last day", async () =>
        (await invocation.client()).get("/monitoring/queue-metrics", queueReport),
      ),
    ]);
    const problems = problemsOf(queues, letters, nameInStack(SERVICE, invocation.stack));
    const data: Status = {
      stack: invocation.stack,
      ok: problems.length === 0,
      problems,
      queues,
      dead_letters: letters,
      messages_24h: report?.messages ?? null,
      open_parts: report?.open_parts ?? null,
      owed_vectors: report?.owed_vectors ?? null,
    };
    return { data, text: shown(data, invocation.terminal), ...(data.ok ? {} : { exit_code: EXIT.check_failed }) };
  },
});

/** What could not be asked is said on stderr, and is null. */
async function orTold<T>({ note }: Invocation, what: string, ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    note(`Not known: ${what} (${asOpsError(error).message})`);
    return null;
  }
}

async function look(
  client: Cloudflare,
  account_id: string,
  queue: { name: string },
  { stack, now }: Invocation,
): Promise<QueueLook> {
  const id = await queueId(client, account_id, queue, stack);
  const [metrics, { consumers = [], settings }] = await Promise.all([
    client.queues.getMetrics(id, { account_id }),
    client.queues.get(id, { account_id }),
  ]);
  const { backlog_count, backlog_bytes, oldest_message_timestamp_ms: oldest_ms } = metrics;
  const isKnown = backlog_count > 0 && oldest_ms > 0;
  // Which it is the SDK's type leaves open: a consumer by HTTP has no script.
  const worker = consumers.find(({ type }) => type === "worker") as
    | { script_name?: string; script?: string }
    | undefined;
  return {
    name: nameInStack(queue.name, stack),
    waiting: backlog_count,
    waiting_bytes: backlog_bytes,
    oldest_s: isKnown ? Math.max(0, Math.round((now() - oldest_ms) / 1000)) : null,
    consumer: worker?.script_name ?? worker?.script ?? null,
    paused: settings?.delivery_paused ?? false,
  };
}

async function lettersByType(database: Awaited<ReturnType<typeof liveDatabase>>) {
  // The type is read here and not by SQL: a body may be no JSON at all.
  const [summed, kinds] = await database.batch([
    { sql: "SELECT count(*), min(failed_at_ms), max(failed_at_ms) FROM dead_letters" },
    {
      sql: "SELECT CASE WHEN json_valid(body) THEN json_extract(body, '$.type') END AS type, count(*), min(body) FROM dead_letters GROUP BY 1",
    },
  ]);
  const [count = 0, oldest = null, newest = null] = summed?.rows[0] ?? [];
  const by_type: Record<string, number> = {};
  for (const [, letters, body] of kinds?.rows ?? []) {
    const type = messageIn(String(body))?.type ?? "unknown";
    by_type[type] = (by_type[type] ?? 0) + Number(letters);
  }
  const iso = (at_ms: unknown) => (at_ms === null ? null : new Date(Number(at_ms)).toISOString());
  return { count: Number(count), oldest_at: iso(oldest), newest_at: iso(newest), by_type };
}

/** The value above which an alert's rule fires. @throws where the rule has another shape now. */
function threshold(id: string): number {
  const condition = RULES.find((rule) => rule.id === id)?.condition;
  const [only, ...others] = condition !== undefined && "all" in condition ? condition.all : [];
  if (only !== undefined && others.length === 0) return only.value;
  throw new Error(`the alert rule ${id} has no single threshold any more: ops/queue/status.ts compares with it`);
}

function problemsOf(queues: readonly QueueLook[], letters: Status["dead_letters"], worker: string): Status["problems"] {
  const problems: Status["problems"] = [];
  for (const { name, waiting, oldest_s, consumer, paused } of queues) {
    if (consumer === null)
      problems.push({ problem: `nobody takes messages from ${name}`, try: "npm run ops -- deploy" });
    else if (consumer !== worker)
      problems.push({ problem: `${name} is taken by ${consumer}, not by ${worker}`, try: "npm run ops -- drift" });
    if (paused)
      problems.push({ problem: `delivery from ${name} is paused`, try: `npx wrangler queues resume-delivery ${name}` });
    if (waiting > threshold("queue-depth"))
      problems.push({
        problem: `${counted(waiting, "message")} waiting in ${name}`,
        try: "npm run ops -- runbook run ingestion-stuck",
      });
    if ((oldest_s ?? 0) > threshold("queue-age"))
      problems.push({
        problem: `a message has waited in ${name} for ${shownTime((oldest_s ?? 0) * 1000)}`,
        try: "npm run ops -- runbook run ingestion-stuck",
      });
  }
  if (letters === null)
    problems.push({
      problem: "the database does not answer: dead letters are not known",
      try: "npm run ops -- health",
    });
  else if (letters.count > 0)
    problems.push({
      problem: `${counted(letters.count, "dead letter")}`,
      try: "npm run ops -- queue peek --dead, then npm run ops -- queue replay",
    });
  return problems;
}

function shown(
  { problems, queues, dead_letters, messages_24h, open_parts, owed_vectors }: Status,
  terminal: boolean,
): string {
  const kinds = Object.entries(dead_letters?.by_type ?? {}).map(([type, count]) => `${count} ${type}`);
  const lines = [
    table(terminal, queues, [
      { title: "queue", value: ({ name }) => name },
      { title: "waiting", value: ({ waiting }) => waiting, align: "right" },
      { title: "bytes", value: ({ waiting_bytes }) => shownBytes(waiting_bytes), align: "right" },
      {
        title: "oldest",
        value: ({ oldest_s }) => (oldest_s === null ? "-" : shownTime(oldest_s * 1000)),
        align: "right",
      },
      { title: "taken by", value: ({ consumer, paused }) => `${consumer ?? "NOBODY"}${paused ? " (paused)" : ""}` },
    ]),
    "",
    dead_letters === null
      ? "Dead letters: not known."
      : dead_letters.count === 0
        ? "Dead letters: none."
        : `Dead letters: ${dead_letters.count} (${kinds.join(", ")}), from ${dead_letters.oldest_at} to ${dead_letters.newest_at}.`,
  ];
  if (messages_24h !== null) {
    const done = messages_24h.map(({ type, outcome, count }) => `${count} ${type} ${outcome}`);
    lines.push(`Last 24 h: ${done.length === 0 ? "no messages" : done.join(", ")}.`);
    lines.push(
      `Open: ${counted(open_parts ?? 0, "part")} of jobs, ${counted(owed_vectors ?? 0, "change")} owed to Vectorize.`,
    );
  }
  for (const { problem, try: remedy } of problems) lines.push("", `Problem: ${problem}`, `Try: ${remedy}`);
  return lines.join("\n");
}
