/** `ops queue test`: a harmless document through the queue, waited for, and removed. */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { defineCommand } from "../command/define.ts";
import { asOpsError, EXIT } from "../command/errors.ts";
import type { Outcome } from "../command/invocation.ts";
import { shownTime } from "../command/quantities.ts";
import { TENANT } from "../health/synthetic-journeys.ts";
import { createKey, revokeKey } from "../keys/keys.ts";
import { CLEANUP_TIMEOUT_MS, QUEUE_TEST_MAX_MS } from "../limits.ts";
import { finishedJob, submit } from "../service/batch.ts";
import { type Client, createClient } from "../service/client.ts";
import { whileWaiting } from "../waits.ts";

/** Always the same: one that comes through late is removed by the next run. */
const DOCUMENT = "queue-test";

const output = z.union([
  z.strictObject({
    dry_run: z.literal(false),
    stack: z.enum(STACKS),
    ok: z.boolean(),
    state: z.string().describe("how the document's job ended; queued where nobody took it in time"),
    through_queue_ms: z.int().describe("from sending it until its job had ended, or until waiting ended"),
    problem: z.string().nullable(),
    left_behind: z.array(z.string()).describe("what could not be removed, and why"),
  }),
  z.strictObject({ dry_run: z.literal(true), stack: z.enum(STACKS) }),
]);

export const queueTest = defineCommand({
  path: "queue test",
  group: "queue",
  summary: "send a harmless document through the queue, wait until it is indexed, remove it",
  notes: `The document and a temporary key are of the tenant "${TENANT}", which holds nobody's data. Waits at most ${QUEUE_TEST_MAX_MS / 1000} s. Exit code 1: it did not come
through; npm run ops -- queue status says who takes messages. One that comes through later is removed by the next run.`,
  risk: "change",
  output,
  examples: ["queue test", "queue test --stack production --json"],
  async run(invocation): Promise<Outcome<z.infer<typeof output>>> {
    const { stack, signal, dry_run } = invocation;
    const { url, secret } = await (await invocation.target()).service();
    if (dry_run)
      return {
        data: { dry_run, stack },
        text: `Would send the document ${DOCUMENT} of tenant ${TENANT} through the queue, and remove it.`,
      };
    const admin = createClient({ url, token: secret, signal });
    const { id, key } = await createKey(admin, {
      name: "queue test",
      tenant: TENANT,
      scopes: ["read", "write"],
      rate_tier: "standard",
    });
    let sent: Sent;
    let left_behind: string[] = [];
    try {
      sent = await sendThrough(createClient({ url, token: key, signal }), signal);
    } finally {
      left_behind = await cleanUp(
        createClient({ url, token: secret, signal: AbortSignal.timeout(CLEANUP_TIMEOUT_MS) }),
        { id, key },
      );
    }
    const { state, through_queue_ms, problem } = sent;
    const ok = problem === null && left_behind.length === 0;
    for (const item of left_behind) invocation.note(`Left behind: ${item}`);
    return {
      data: { dry_run: false, stack, ok, state, through_queue_ms, problem, left_behind },
      text:
        problem === null
          ? `The queue works: a document was indexed ${shownTime(through_queue_ms)} after it had been sent.`
          : `The queue does NOT work: ${problem}.\nTry: npm run ops -- queue status`,
      ...(ok ? {} : { exit_code: EXIT.check_failed }),
      audit: { detail: { state, through_queue_ms, left_behind: left_behind.length } },
    };
  },
});

interface Sent {
  state: string;
  through_queue_ms: number;
  problem: string | null;
}

async function sendThrough(client: Client, signal: AbortSignal): Promise<Sent> {
  // Another text each time: what is unchanged would not be written.
  const text = `This document tests the queue and is removed again: ${randomUUID()}.`;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(QUEUE_TEST_MAX_MS)]);
  const from_ms = performance.now();
  const spent_ms = () => Math.round(performance.now() - from_ms);
  const job = await submit(client, [{ id: DOCUMENT, title: "Queue test", text }]);
  const wait = { for: "the document to come through", limit_ms: QUEUE_TEST_MAX_MS };
  try {
    const { state, errors } = await whileWaiting(wait, () => finishedJob(client, job, limit));
    const problem = state === "done" ? null : `its job ended as ${state}${errors[0] ? `: ${errors[0].detail}` : ""}`;
    return { state, through_queue_ms: spent_ms(), problem };
  } catch (error) {
    if (!limit.aborted || signal.aborted) throw error;
    return {
      state: "queued",
      through_queue_ms: spent_ms(),
      problem: `nobody took it within ${QUEUE_TEST_MAX_MS / 1000} s`,
    };
  }
}

async function cleanUp(admin: Client, { id, key }: { id: string; key: string }): Promise<string[]> {
  const failures: string[] = [];
  const attempt = (what: string, work: Promise<unknown>) =>
    work.catch((error: unknown) => failures.push(`${what}: ${asOpsError(error).parts.cause}`));
  const { ok, status } = await admin
    .as(key)
    .send("DELETE", `/api/v1/documents/${DOCUMENT}`)
    .catch(() => ({ ok: false, status: 0 }));
  if (!ok && status !== 404) failures.push(`document ${DOCUMENT} of tenant ${TENANT}: answered ${status}`);
  await attempt(`key ${id}`, revokeKey(admin, id));
  return failures;
}
