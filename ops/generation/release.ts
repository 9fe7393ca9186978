/** After a fence: sees to it that the writes which waited are done, then lets the Worker forget the fence. */
import { setTimeout as pause } from "node:timers/promises";
import { QUEUES } from "../../infra/inventory.ts";
import { portions } from "../../worker/ground/portions.ts";
import { DEFERRED_OPERATIONS, DEFERRED_PREFIX } from "../../worker/store/fence-names.ts";
import type { QueueMessage } from "../../worker/store/queue-messages.ts";
import { queueId } from "../cloudflare/account-resources.ts";
import { OpsError } from "../command/errors.ts";
import type { D1Connection } from "../d1/connection.ts";
import { DEFERRED_PUSH_EVERY_MS, DEFERRED_WAIT_MAX_MS, QUEUE_PUSH_MESSAGES, SETTLE_POLL_MS } from "../limits.ts";
import { objectsUnder } from "../storage/storage.ts";
import { whileWaiting } from "../waits.ts";
import { forgetFence } from "./fence.ts";
import type { StoreSession } from "./stores.ts";

/**
 * Waits until no deferred write is left, and lets the Worker forget the fence. Returns how many there were.
 * @throws OpsError when they take too long; they are kept, and the Worker goes on applying them.
 */
export async function releaseDeferred(session: StoreSession, database: D1Connection): Promise<number> {
  const { applied, waiting } = await tryRelease(session, database);
  if (waiting > 0) throw stuck(waiting);
  return applied;
}

/**
 * Sends the messages of deferred writes anew now and then, until none is left or it takes too long: those that the Worker sent
 * may be waiting out their delay, or be lost. Returns how many writes are done, and how many of their objects still wait.
 */
export function tryRelease(
  session: StoreSession,
  database: D1Connection,
): Promise<{ applied: number; waiting: number }> {
  const wait = { for: "deferred writes to be applied", limit_ms: DEFERRED_WAIT_MAX_MS };
  return whileWaiting(wait, () => release(session, database));
}

async function release(session: StoreSession, database: D1Connection): Promise<{ applied: number; waiting: number }> {
  const seen = new Set<string>();
  const until_ms = session.now() + DEFERRED_WAIT_MAX_MS;
  let ownerless = new Set<string>();
  for (let next_push_ms = 0; ; ) {
    const keys = await deferredObjects(session);
    ownerless = await dropPlaces(session, keys, ownerless);
    for (const key of keys) if (key.startsWith(DEFERRED_OPERATIONS)) seen.add(key);
    if (keys.length === 0) break;
    if (session.now() > until_ms) {
      const left = keys.filter((key) => seen.has(key)).length;
      return { applied: seen.size - left, waiting: keys.length };
    }
    if (session.now() >= next_push_ms) {
      await push(session, keys);
      next_push_ms = session.now() + DEFERRED_PUSH_EVERY_MS;
    }
    await pause(SETTLE_POLL_MS, undefined, { signal: session.steady });
  }
  await forgetFence(database);
  return { applied: seen.size, waiting: 0 };
}

/** Keys of everything that waits. */
export async function deferredObjects({ bucket, steady }: StoreSession): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of objectsUnder(bucket, DEFERRED_PREFIX, steady)) keys.push(key);
  return keys;
}

/** Places in a line whose operation is gone, as seen twice: what was left when a request ended half-way. */
async function dropPlaces(
  { bucket, steady }: StoreSession,
  keys: readonly string[],
  before: ReadonlySet<string>,
): Promise<Set<string>> {
  const operations = new Set(keys.filter((key) => key.startsWith(DEFERRED_OPERATIONS)).map(jobOf));
  const ownerless = keys.filter((key) => {
    const [, job_id] = /\/line\/[0-9a-f]+\/\d+-(.+)$/.exec(key) ?? [];
    return job_id !== undefined && !operations.has(job_id);
  });
  for (const key of ownerless) if (before.has(key)) await bucket.remove(key, steady);
  return new Set(ownerless);
}

function jobOf(key: string): string {
  return key.slice(DEFERRED_OPERATIONS.length, -".json".length);
}

async function push(session: StoreSession, keys: readonly string[]): Promise<void> {
  const messages = keys.flatMap((key): QueueMessage[] => {
    if (key.startsWith(DEFERRED_OPERATIONS)) return [{ type: "deferred", job_id: jobOf(key) }];
    return key.startsWith(`${DEFERRED_PREFIX}answers/`) ? [{ type: "answer", key }] : [];
  });
  await sendToWorker(session, messages);
}

/** Puts messages into the Worker's own queue. */
export async function sendToWorker(
  { api, account_id, target }: StoreSession,
  messages: readonly QueueMessage[],
): Promise<void> {
  const queue_id = await queueId(api, account_id, QUEUES.ingest, target.stack);
  for (const part of portions(messages, QUEUE_PUSH_MESSAGES)) {
    await api.queues.messages.bulkPush(queue_id, {
      account_id,
      messages: part.map((body) => ({ body, content_type: "json" as const })),
    });
  }
}

function stuck(count: number): OpsError {
  return new OpsError({
    op: "release",
    subject: "deferred writes",
    cause: `${count} objects of them still wait after ${DEFERRED_WAIT_MAX_MS / 1000} s`,
    hint: "the switch itself is done and nothing is lost; repeat the command, which waits again, or npm run ops -- runbook run ingestion-stuck",
  });
}
