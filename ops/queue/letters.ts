/** Dead letters, as the consumer of the dead-letter queue has written them down in D1 (`worker/store/jobs.ts`). */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { jsonIn } from "../../worker/ground/json.ts";
import { portions } from "../../worker/ground/portions.ts";
import { type QueueMessage, queueMessage } from "../../worker/store/queue-messages.ts";
import { misuse, type OpsError } from "../command/errors.ts";
import type { D1Connection, JsonValue } from "../d1/connection.ts";
import { queryNumber, queryRows } from "../d1/query.ts";
import { LETTERS_PER_READ } from "../limits.ts";

export const letter = z.strictObject({
  /** Of the message that died. */
  id: z.string(),
  queue: z.string(),
  /** JSON, as it was sent. */
  body: z.string(),
  attempts: z.int(),
  failed_at_ms: z.int(),
});
export type Letter = z.infer<typeof letter>;

/** Null: not a message that this checkout's Worker understands. */
export function messageIn(body: string): QueueMessage | null {
  return queueMessage.safeParse(jsonIn(body)).data ?? null;
}

/** What a message is about, on one line: the job and part, the key, the action. Never a document's text. */
export function subjectOf(message: QueueMessage | null): string {
  switch (message?.type) {
    case "ingest":
      return `job ${message.job_id}, part ${message.part}`;
    case "deferred":
      return `job ${message.job_id}`;
    case "answer":
      return message.key;
    case "settle":
      return `vectors ${message.outbox_id}`;
    case "audit":
      return `audit entry ${message.entry.id} (${message.entry.action})`;
    default:
      return "";
  }
}

/**
 * Pages of letters in the order of their ids; of those named, or of all that are there now: what dies meanwhile is left for the next time.
 * @throws OpsError where one that is named is not there.
 */
export async function* lettersIn(database: D1Connection, ids: readonly string[]): AsyncGenerator<Letter[]> {
  if (ids.length > 0) {
    const found = await readLetters(database, "WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id", [
      JSON.stringify(ids),
    ]);
    const missing = ids.filter((id) => !found.some((letter) => letter.id === id));
    if (missing.length > 0) throw notThere(missing);
    return yield found;
  }
  const until_ms = await queryNumber(database, "SELECT max(failed_at_ms) FROM dead_letters");
  for (let after = ""; ; ) {
    const where = "WHERE id > ?1 AND failed_at_ms <= ?2 ORDER BY id LIMIT ?3";
    const page = await readLetters(database, where, [after, until_ms, LETTERS_PER_READ]);
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < LETTERS_PER_READ) return;
    after = last.id;
  }
}

/** The newest of them. */
export function newestLetters(database: D1Connection, limit: number): Promise<Letter[]> {
  return readLetters(database, "ORDER BY failed_at_ms DESC, id LIMIT ?1", [limit]);
}

export async function countLetters(database: D1Connection): Promise<number> {
  return await queryNumber(database, "SELECT count(*) FROM dead_letters");
}

export async function removeLetters(database: D1Connection, ids: readonly string[]): Promise<void> {
  const sql = "DELETE FROM dead_letters WHERE id IN (SELECT value FROM json_each(?1))";
  if (ids.length > 0) await database.batch([{ sql, params: [JSON.stringify(ids)] }], { repeatable: true });
}

/** Those that are there already stay as they are. */
export async function putLetters(database: D1Connection, letters: readonly Letter[]): Promise<void> {
  const sql = `INSERT INTO dead_letters (id, queue, body, attempts, failed_at_ms)
    SELECT value ->> 'id', value ->> 'queue', value ->> 'body', value ->> 'attempts', value ->> 'failed_at_ms' FROM json_each(?1) WHERE true
    ON CONFLICT (id) DO NOTHING`;
  for (const part of portions(letters, LETTERS_PER_READ))
    await database.batch([{ sql, params: [JSON.stringify(part)] }], { repeatable: true });
}

async function readLetters(database: D1Connection, where: string, params: readonly JsonValue[]): Promise<Letter[]> {
  const sql = `SELECT id, queue, body, attempts, failed_at_ms FROM dead_letters ${where}`;
  return (await queryRows(database, sql, params)).map(([id, queue, body, attempts, failed_at_ms]) => ({
    id: String(id),
    queue: String(queue),
    body: String(body),
    attempts: Number(attempts),
    failed_at_ms: Number(failed_at_ms),
  }));
}

function notThere(ids: readonly string[]): OpsError {
  return misuse({
    op: "find",
    subject: ids.length === 1 ? `dead letter ${ids[0]}` : `${counted(ids.length, "dead letter")}`,
    cause: `there is none of this id${ids.length === 1 ? "" : `: ${ids.slice(0, 3).join(", ")}`}`,
    hint: "npm run ops -- queue peek --dead lists them",
  });
}
