/** A page of dead letters sent again, and followed until the stores hold what they asked for. */
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { portions } from "../../worker/ground/portions.ts";
import { queryTexts } from "../d1/query.ts";
import { LETTERS_WAIT_MAX_MS, QUEUE_PUSH_MESSAGES, SETTLE_POLL_MS } from "../limits.ts";
import { whileWaiting } from "../waits.ts";
import type { QueueAccess } from "./access.ts";
import { type Letter, removeLetters } from "./letters.ts";
import { reopenParts, type Standing, standings } from "./outcomes.ts";

/**
 * `done`: the stores show it. `failed again`: another letter says so. `waiting`: not done within the time; the letter stays. `hopeless`:
 * was not sent.
 */
const OUTCOMES = ["done", "failed again", "waiting", "hopeless"] as const;
export const replayed = z.strictObject({ id: z.string(), outcome: z.enum(OUTCOMES), because: z.string().nullable() });
export type Replayed = z.infer<typeof replayed>;

/**
 * Cut off anywhere, it may be repeated: a letter goes only when its work is done or another letter stands for it, parts that were reopened
 * are sent by cron, and the consumer does a message that comes twice once.
 */
export async function sendAgain(
  access: QueueAccess,
  letters: readonly Letter[],
  now: () => number,
): Promise<Replayed[]> {
  const before = await standings(access, letters);
  const sendable = letters.filter(({ id }) => ["open", "failed"].includes(before.get(id) as string));
  await reopenParts(access.database, sendable);
  for (const part of portions(sendable, QUEUE_PUSH_MESSAGES)) {
    await access.client.queues.messages.bulkPush(access.ingest_id, {
      account_id: access.account_id,
      messages: part.map(({ body }) => ({ body: JSON.parse(body) as unknown, content_type: "json" as const })),
    });
  }
  const ended = await whileWaiting(
    { for: `${counted(sendable.length, "letter")} to be done`, limit_ms: LETTERS_WAIT_MAX_MS },
    () => settled(access, sendable, now),
  );
  const results = letters.map(({ id }) => outcomeOf(id, ended.get(id) ?? before.get(id) ?? "open"));
  const gone = results.flatMap(({ id, outcome }) => (outcome === "done" || outcome === "failed again" ? [id] : []));
  await removeLetters(access.database, gone);
  return results;
}

/** What became of letters that were sent, as far as it shows within the time. */
async function settled(
  access: QueueAccess,
  letters: readonly Letter[],
  now: () => number,
): Promise<Map<string, Standing>> {
  const ended = new Map<string, Standing>();
  const until_ms = now() + LETTERS_WAIT_MAX_MS;
  for (let left = letters; left.length > 0; ) {
    for (const [id, standing] of await standings(access, left)) if (standing !== "open") ended.set(id, standing);
    for (const id of await diedAgain(access, letters)) ended.set(id, "failed");
    left = left.filter(({ id }) => !ended.has(id));
    if (left.length === 0 || now() > until_ms) break;
    await pause(SETTLE_POLL_MS, undefined, { signal: access.signal });
  }
  return ended;
}

/** Letters of which a newer one has the same content, that is none of them. */
async function diedAgain({ database }: QueueAccess, letters: readonly Letter[]): Promise<string[]> {
  const sql = `SELECT old.id FROM dead_letters old JOIN dead_letters new ON new.body = old.body AND new.failed_at_ms > old.failed_at_ms
    WHERE old.id IN (SELECT value FROM json_each(?1)) AND new.id NOT IN (SELECT value FROM json_each(?1))`;
  return await queryTexts(database, sql, [JSON.stringify(letters.map(({ id }) => id))]);
}

function outcomeOf(id: string, standing: Standing): Replayed {
  if (typeof standing === "object") return { id, outcome: "hopeless", because: standing.hopeless };
  if (standing === "failed")
    return { id, outcome: "failed again", because: "the service's log says why: npm run ops -- logs errors" };
  return standing === "done"
    ? { id, outcome: "done", because: null }
    : { id, outcome: "waiting", because: "not done within the time: repeat it" };
}
