/** What has become of the work that letters stand for, as the stores tell: the one proof that a replay did something. */
import pMap from "p-map";
import { DEFERRED_OPERATIONS } from "../../worker/store/fence-names.ts";
import { NO_OUTCOME, stagedKey } from "../../worker/store/job-parts.ts";
import type { QueueMessage } from "../../worker/store/queue-messages.ts";
import type { D1Connection } from "../d1/connection.ts";
import { queryRows, queryTexts } from "../d1/query.ts";
import { LETTER_LOOKERS } from "../limits.ts";
import { absent, type Storage } from "../storage/storage.ts";
import type { QueueAccess } from "./access.ts";
import { type Letter, messageIn } from "./letters.ts";

/**
 * `open`: to be done, and can be. `done`: the stores hold what it asked for. `failed`: given up, a letter says so. Anything else: why it can
 * never be done.
 */
export type Standing = "open" | "done" | "failed" | { hopeless: string };

/** Of each letter, by its id. */
export async function standings(access: QueueAccess, letters: readonly Letter[]): Promise<Map<string, Standing>> {
  const understood = letters.map((letter) => ({ id: letter.id, message: messageIn(letter.body) }));
  const parts = understood.flatMap(({ message }) => (message?.type === "ingest" ? [message] : []));
  const entries = understood.flatMap(({ message }) => (message?.type === "audit" ? [message.entry.id] : []));
  const [states, logged] = await Promise.all([
    partStates(access.database, parts),
    loggedEntries(access.database, entries),
  ]);
  const standing = async (message: QueueMessage | null): Promise<Standing> => {
    switch (message?.type) {
      case "ingest": {
        const state = states.get(partName(message));
        if (state === undefined) return { hopeless: "its job is unknown: finished jobs are forgotten after 90 days" };
        if (state === "done") return "done";
        if (state !== "failed") return "open";
        const isThere = await exists(access, access.packs, stagedKey(message.job_id, message.part));
        return isThere
          ? "failed"
          : { hopeless: "its documents are gone from R2: they must be sent to the service anew" };
      }
      case "deferred":
        return (await exists(access, access.packs, `${DEFERRED_OPERATIONS}${message.job_id}.json`)) ? "open" : "done";
      case "answer":
        return (await exists(access, access.packs, message.key)) ? "open" : "done";
      case "audit":
        return logged.has(message.entry.id) ? "done" : "open";
      case "settle":
      case "ping":
        return "done";
      default:
        return { hopeless: "this version of the service does not understand it" };
    }
  };
  const found = await pMap(understood, async ({ id, message }) => [id, await standing(message)] as const, {
    concurrency: LETTER_LOOKERS,
  });
  return new Map(found);
}

/** Lets parts that failed be done again. Until then the consumer takes their messages for repeated ones. */
export async function reopenParts(database: D1Connection, letters: readonly Letter[]): Promise<void> {
  const sql = `UPDATE job_parts SET state = 'queued', outcome = ?2, finished_at_ms = NULL WHERE state = 'failed' AND ${AMONG}`;
  await setParts(database, letters, sql, JSON.stringify(NO_OUTCOME));
}

/** Ends parts whose messages were taken out of the queue: cron would announce them again. */
export async function endParts(database: D1Connection, letters: readonly Letter[], now_ms: number): Promise<void> {
  const detail = "an operator has purged its message from the queue";
  const outcome = { ...NO_OUTCOME, errors: [{ id: "(all of this part)", detail }] };
  const sql = `UPDATE job_parts SET state = 'failed', outcome = ?2, finished_at_ms = ${now_ms} WHERE state = 'queued' AND ${AMONG}`;
  await setParts(database, letters, sql, JSON.stringify(outcome));
}

const AMONG = "(job_id, part) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";

async function setParts(
  database: D1Connection,
  letters: readonly Letter[],
  sql: string,
  outcome: string,
): Promise<void> {
  const parts = letters.flatMap(({ body }) => {
    const message = messageIn(body);
    return message?.type === "ingest" ? [[message.job_id, message.part]] : [];
  });
  if (parts.length > 0) await database.batch([{ sql, params: [JSON.stringify(parts), outcome] }], { repeatable: true });
}

interface Part {
  job_id: string;
  part: number;
}
const partName = ({ job_id, part }: Part) => `${job_id} ${part}`;

async function partStates(database: D1Connection, parts: readonly Part[]): Promise<Map<string, string>> {
  if (parts.length === 0) return new Map();
  const sql = `SELECT job_id, part, state FROM job_parts WHERE ${AMONG}`;
  const rows = await queryRows(database, sql, [JSON.stringify(parts.map(({ job_id, part }) => [job_id, part]))]);
  return new Map(rows.map(([job_id, part, state]) => [`${job_id} ${part}`, String(state)]));
}

async function loggedEntries(database: D1Connection, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const sql = "SELECT entry_id FROM audit_log WHERE entry_id IN (SELECT value FROM json_each(?1))";
  return new Set(await queryTexts(database, sql, [JSON.stringify(ids)]));
}

async function exists({ signal }: QueueAccess, storage: Storage, key: string): Promise<boolean> {
  return (await storage.look(key, signal).catch(absent)) !== undefined;
}
