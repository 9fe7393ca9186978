/** `ops queue peek`: messages as they wait, without taking them, or letters that died. */
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import type { Invocation } from "../command/invocation.ts";
import { positive } from "../command/options.ts";
import { table } from "../command/output.ts";
import { shownTime } from "../command/quantities.ts";
import { QUEUE_PEEK_MAX } from "../limits.ts";
import { type QueueAccess, withQueue } from "./access.ts";
import { countLetters, messageIn, newestLetters, subjectOf } from "./letters.ts";
import { peekWaiting } from "./waiting.ts";

const peeked = z.strictObject({
  id: z.string(),
  type: z.string(),
  subject: z.string().describe("job and part, key, or audit entry that it is about"),
  attempts: z.int(),
  at: z.iso.datetime().describe("when it was sent; of a dead letter, when it was given up"),
  body: z.string().describe("as it was sent"),
});

export const queuePeek = defineCommand({
  path: "queue peek",
  group: "queue",
  summary: "look at the messages that wait, without taking them; --dead: at the letters that died",
  notes: `Shows at most ${QUEUE_PEEK_MAX}, which is what Cloudflare shows at once: of those that wait the next ones, of the dead the newest. Messages name jobs,
keys and audit entries; no document's text is in them. What is with a consumer now, or waits out the pause before another try, is counted and not shown.`,
  risk: "read",
  options: z.object({
    dead: z.boolean().default(false).describe("letters that died, from the database, in place of messages that wait"),
    limit: positive
      .max(QUEUE_PEEK_MAX, `expected at most ${QUEUE_PEEK_MAX}`)
      .default(20)
      .meta({ placeholder: "messages", description: "how many at most" }),
  }),
  output: z.strictObject({ dead: z.boolean(), total: z.int(), messages: z.array(peeked) }),
  examples: ["queue peek", "queue peek --dead --limit 5 --json"],
  run: (invocation, { dead, limit }) =>
    withQueue(invocation, async (access) => {
      const { total, messages } = dead ? await died(access, limit) : await waiting(access, limit);
      return { data: { dead, total, messages }, text: shown(invocation, dead, total, messages) };
    }),
});

async function died({ database }: QueueAccess, limit: number) {
  const letters = await newestLetters(database, limit);
  const messages = letters.map(({ id, body, attempts, failed_at_ms }) => described(id, body, attempts, failed_at_ms));
  return { total: await countLetters(database), messages };
}

async function waiting(access: QueueAccess, limit: number) {
  const { backlog_count } = await access.client.queues.getMetrics(access.ingest_id, access);
  const messages = (await peekWaiting(access, limit)).map(({ letter }) =>
    described(letter.id, letter.body, letter.attempts, letter.failed_at_ms),
  );
  return { total: backlog_count, messages };
}

function described(id: string, body: string, attempts: number, at_ms: number): z.infer<typeof peeked> {
  const message = messageIn(body);
  return {
    id,
    type: message?.type ?? "unknown",
    subject: subjectOf(message),
    attempts,
    at: new Date(at_ms).toISOString(),
    body,
  };
}

function shown(
  { terminal, now }: Invocation,
  dead: boolean,
  total: number,
  messages: readonly z.infer<typeof peeked>[],
): string {
  const what = dead ? "dead letters" : "messages that wait";
  if (messages.length === 0)
    return total === 0
      ? dead
        ? "No letter is dead."
        : "No message waits."
      : `${total} ${what}; none can be shown now: they are with a consumer, or wait for another try.`;
  const rows = table(terminal, messages, [
    { title: "id", value: ({ id }) => id },
    { title: "type", value: ({ type }) => type },
    { title: "about", value: ({ subject, body }) => subject || body.slice(0, 80) },
    { title: "tries", value: ({ attempts }) => attempts, align: "right" },
    {
      title: dead ? "given up" : "sent",
      value: ({ at }) => `${shownTime(Math.max(0, now() - Date.parse(at)))} ago`,
      align: "right",
    },
  ]);
  const more = dead
    ? "npm run ops -- queue replay sends them again; queue purge takes them away, with a copy"
    : "they are done one after another";
  return `${rows}\n${messages.length} of ${total} ${what}; ${more}`;
}
