/**
 * Keys in isolate memory: the only cache a key has, so that a revocation acts within `KEY_CACHE_MS`.
 *
 * A busy key is refreshed behind an answer, so requests do not wait for the database. While the database fails,
 * a remembered key keeps working for `KEY_STALE_MAX_MS`: an outage of D1 must not turn away every caller of routes
 * that could still answer. A key that is not remembered gets 503, never 401, because nothing is known about it.
 */
import { BoundedMap } from "../ground/bounded-map.ts";
import { Problem } from "../ground/problem.ts";
import {
  ISOLATE_ENTRIES_MAX,
  KEY_ABSENT_CACHE_MS,
  KEY_CACHE_MS,
  KEY_REFRESH_AFTER_MS,
  KEY_RETRY_AFTER_MS,
  KEY_STALE_MAX_MS,
} from "../limits.ts";
import { type KeyRecord, readKey } from "../store/keys.ts";
import { describeError } from "../telemetry/log.ts";
import type { Work } from "../work.ts";

interface Remembered {
  record: KeyRecord;
  /** When the read began that found the record: what it says was true then. */
  read_at_ms: number;
  /** No refresh behind an answer before this: one is under way. */
  next_refresh_at_ms: number;
  /** The database failed a moment ago: until this the record is trusted without asking again. */
  trusted_until_ms: number;
}

const present = new BoundedMap<Remembered>(ISOLATE_ENTRIES_MAX);
/** Apart, so that a flood of invented ids cannot push out real keys. Id → until when it counts as absent. */
const absent = new BoundedMap<number>(ISOLATE_ENTRIES_MAX);

/**
 * The key with this id, at most `KEY_CACHE_MS` old while the database answers; null when there is none.
 * Throws a 503 `Problem` when the database fails and the key is not remembered.
 */
export async function rememberedKey(work: Work, id: string): Promise<KeyRecord | null> {
  const { now_ms } = work;
  const known = present.get(id);
  if (!known) {
    if ((absent.get(id) ?? 0) > now_ms) return null;
    return read(work, id).catch(refuse);
  }

  const age_ms = now_ms - known.read_at_ms;
  if (age_ms < KEY_REFRESH_AFTER_MS || now_ms < known.trusted_until_ms) return known.record;
  if (age_ms < KEY_CACHE_MS) {
    if (now_ms >= known.next_refresh_at_ms) {
      known.next_refresh_at_ms = now_ms + KEY_RETRY_AFTER_MS;
      work.later(read(work, id).catch(() => undefined));
    }
    return known.record;
  }
  try {
    return await read(work, id);
  } catch (cause) {
    if (age_ms >= KEY_STALE_MAX_MS) refuse(cause);
    known.trusted_until_ms = now_ms + KEY_RETRY_AFTER_MS;
    work.log("WARN", "keys cannot be read; a remembered one is trusted", { age_ms, error: describeError(cause) });
    return known.record;
  }
}

function refuse(cause: unknown): never {
  throw new Problem("keys-unavailable", "The key could not be checked. Try again in a few seconds.", {
    retry_after_s: 5,
    cause,
  });
}

/** Makes this isolate see a key it has just written; the others follow within `KEY_CACHE_MS`. */
export function forgetKey(id: string): void {
  present.delete(id);
  absent.delete(id);
}

async function read({ stores, now_ms }: Work, id: string): Promise<KeyRecord | null> {
  const record = await readKey(stores.db, id);
  if (record) {
    present.set(id, { record, read_at_ms: now_ms, next_refresh_at_ms: 0, trusted_until_ms: 0 });
  } else {
    present.delete(id);
    absent.set(id, now_ms + KEY_ABSENT_CACHE_MS);
  }
  return record;
}
