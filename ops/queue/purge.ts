/** `ops queue purge`: takes dead letters away, or what waits; a copy of all of it is written first. */
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import { misuse } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { PURGE_MESSAGES_MAX } from "../limits.ts";
import { type QueueAccess, withQueue } from "./access.ts";
import { writeCopy } from "./copies.ts";
import { type Letter, lettersIn, messageIn, removeLetters } from "./letters.ts";
import { endParts } from "./outcomes.ts";
import { peekWaiting } from "./waiting.ts";

const TYPES = ["ingest", "deferred", "answer", "settle", "audit", "ping", "unknown"] as const;
type MessageType = (typeof TYPES)[number];

/** What it means to do without a message of this type. */
const LOSS: Readonly<Record<MessageType, string>> = {
  ingest: "these documents are not indexed, and their jobs end as failed",
  deferred: "nothing: the write was accepted and waits in R2, cron announces it again",
  answer: "nothing: the answer waits in R2, cron announces it again",
  settle: "nothing: what Vectorize is owed stands in the database, cron announces it again",
  audit: "LOST: entries of the audit log that the database has not taken; they are in the copy alone",
  ping: "nothing",
  unknown: "not known: this version does not understand them; they are in the copy alone",
};

const lost = z.strictObject({ type: z.enum(TYPES), count: z.int(), loss: z.string() });
const output = z.strictObject({
  dry_run: z.boolean(),
  waiting: z.boolean().describe("whether it is about messages that wait; otherwise about dead letters"),
  purged: z.array(lost),
  copies: z.array(z.string()).describe("where they are kept: keys for queue replay --copy, in the bucket of the logs"),
  left: z
    .int()
    .nullable()
    .describe("messages that wait now: with a consumer, or sent since; null: it was about dead letters"),
});
type Purged = z.infer<typeof output>;

export const queuePurge = defineCommand({
  path: "queue purge",
  group: "queue",
  summary: "take dead letters away, all or by id; --waiting: what waits in the queue",
  notes: `Says first, by type of message, what is lost. A copy is written before anything goes, kept for 90 days, and brought back by queue replay --copy KEY.
What is with a consumer now, or waits out the pause before another try, stays. At most ${PURGE_MESSAGES_MAX} messages a run; safe to repeat.`,
  risk: "destructive",
  args: z.object({
    ids: z.array(z.string()).default([]).describe("letters, as queue peek --dead shows them; none: all"),
  }),
  options: z.object({
    waiting: z.boolean().default(false).describe("messages that wait in the queue, in place of dead letters"),
  }),
  output,
  examples: ["queue purge --dry-run", "queue purge 4f6c0a1e8b --yes", "queue purge --waiting --yes --json"],
  run(invocation, { ids, waiting }) {
    if (waiting && ids.length > 0)
      throw misuse({
        op: "purge",
        subject: ids.join(", "),
        cause: "--waiting takes no ids",
        hint: "npm run ops -- queue purge --help",
      });
    return withQueue(invocation, (access) =>
      waiting ? purgeWaiting(invocation, access) : purgeDead(invocation, access, ids),
    );
  },
});

async function purgeDead(
  invocation: Invocation,
  access: QueueAccess,
  ids: readonly string[],
): Promise<Outcome<Purged>> {
  const letters: Letter[] = [];
  for await (const page of lettersIn(access.database, ids)) {
    letters.push(...page);
    if (letters.length >= PURGE_MESSAGES_MAX) break;
  }
  const purged = losses(letters);
  if (invocation.dry_run || letters.length === 0)
    return report(invocation, { waiting: false, purged, copies: [], left: null });
  await invocation.confirm({ op: "purge", subject: `dead letters: ${summary(purged)}` });
  const copies = [await writeCopy(access, letters, invocation.now())];
  invocation.begin({ copies });
  await removeLetters(
    access.database,
    letters.map(({ id }) => id),
  );
  return report(invocation, { waiting: false, purged, copies, left: null });
}

async function purgeWaiting(invocation: Invocation, access: QueueAccess): Promise<Outcome<Purged>> {
  const { client, account_id, ingest_id } = access;
  const waiting = async () => (await client.queues.getMetrics(ingest_id, { account_id })).backlog_count;
  if (invocation.dry_run) {
    // What comes after the first that Cloudflare shows cannot be seen without removing those.
    const seen = await peekWaiting(access);
    return report(invocation, {
      waiting: true,
      purged: losses(seen.map(({ letter }) => letter)),
      copies: [],
      left: await waiting(),
    });
  }
  await invocation.confirm({ op: "purge", subject: `the ${await waiting()} messages that wait` });
  const [copies, taken]: [string[], Letter[]] = [[], []];
  while (taken.length < PURGE_MESSAGES_MAX) {
    const seen = await peekWaiting(access);
    if (seen.length === 0) break;
    const letters = seen.map(({ letter }) => letter);
    copies.push(await writeCopy(access, letters, invocation.now()));
    invocation.begin({ copies });
    await client.queues.messages.purge(ingest_id, { account_id, refs: seen.map(({ ref }) => ({ ref })) });
    await endParts(access.database, letters, invocation.now());
    taken.push(...letters);
  }
  return report(invocation, { waiting: true, purged: losses(taken), copies, left: await waiting() });
}

function losses(letters: readonly Letter[]): Purged["purged"] {
  const types = letters.map(({ body }) => messageIn(body)?.type ?? "unknown");
  return TYPES.flatMap((type) => {
    const count = types.filter((one) => one === type).length;
    return count === 0 ? [] : [{ type, count, loss: LOSS[type] }];
  });
}

const summary = (purged: Purged["purged"]): string => purged.map(({ type, count }) => `${count} ${type}`).join(", ");

function report({ dry_run, terminal }: Invocation, done: Omit<Purged, "dry_run">): Outcome<Purged> {
  const { waiting, purged, copies, left } = done;
  const total = purged.reduce((sum, { count }) => sum + count, 0);
  const what = waiting ? "messages that wait" : "dead letters";
  const rows = table(terminal, purged, [
    { title: "type", value: ({ type }) => type },
    { title: "messages", value: ({ count }) => count, align: "right" },
    { title: "what is lost", value: ({ loss }) => loss },
  ]);
  const seen =
    dry_run && left !== null && left > total ? ` of the first that Cloudflare shows; ${left} wait in all` : "";
  return {
    data: { dry_run, ...done },
    text: [
      ...(total === 0 ? [] : [rows]),
      total === 0
        ? waiting
          ? "No message waits."
          : "No letter is dead."
        : dry_run
          ? `Would purge ${total} ${what}${seen}.`
          : `Purged ${total} ${what}.`,
      ...(dry_run || left === null || left === 0
        ? []
        : [`${left} still wait: with a consumer, or waiting for another try.`]),
      ...copies.map((key) => `Kept: ${key} (npm run ops -- queue replay --copy ${key})`),
    ].join("\n"),
    audit: { detail: { waiting, purged: summary(purged), copies } },
  };
}
