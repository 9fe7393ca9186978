/**
 * A storage that is tried again. The one place through which everything that a repository writes or reads goes.
 *
 * Trying again is safe for every operation, because a write either carries its condition or can be recognised by its
 * content: an object that is there after an unclear answer, with the bytes that were sent, is the one that was sent.
 */
import { RETRY_AFTER_MAX_MS, STORAGE_PAUSE_MS, STORAGE_RETRIES_MAX, STORAGE_TIMEOUT_MS } from "../limits.ts";
import { patiently } from "../patience.ts";
import { whileWaiting } from "../waits.ts";
import type { RateLimit } from "./rate-limit.ts";
import { absent, type Storage, StorageError } from "./storage.ts";

export interface Patience {
  timeout_ms?: number;
  retries_max?: number;
  pause_ms?: number;
  /** Waits for it count towards no time limit; what is tried again is counted again. */
  limit?: RateLimit | undefined;
  /** Called for every try that failed and will be repeated. */
  on_retry?: (error: StorageError, wait_ms: number) => void;
}

/** A write of so many bytes. `settle` hears of a failure that is not worth repeating, and whether an earlier try may have been done after all. */
interface Sending<T> {
  bytes: number;
  settle(error: StorageError, unsure: boolean): Promise<T | "again">;
}

/** The same storage with patience. What is still thrown is final: `throttled` and `unclear` then mean that the budget of tries is spent. */
export function patientStorage(storage: Storage, patience: Patience = {}): Storage {
  const { timeout_ms = STORAGE_TIMEOUT_MS, retries_max = STORAGE_RETRIES_MAX, pause_ms = STORAGE_PAUSE_MS } = patience;
  const { limit } = patience;

  const once = async <T>(
    what: string,
    tries: number,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const deadline = AbortSignal.timeout(timeout_ms);
    try {
      const object = `${storage.location}: ${what || "a listing"}`;
      const wait = { for: `${object}, try ${tries} of ${retries_max + 1}`, limit_ms: timeout_ms };
      return await whileWaiting(wait, () => work(AbortSignal.any([signal, deadline])));
    } catch (error) {
      if (signal.aborted || !deadline.aborted) throw error;
      throw new StorageError("unclear", `${what}: no answer within ${timeout_ms} ms`, { cause: error });
    }
  };

  const persist = async <T>(
    what: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
    sending?: Sending<T>,
  ): Promise<T> => {
    let unsure = false;
    let tries = 0;
    let passing: StorageError | undefined;
    const attempt = async (): Promise<T> => {
      tries += 1;
      try {
        if (sending) await limit?.beforeSending(sending.bytes, signal);
        return await once(what, tries, signal, work);
      } catch (error) {
        if (!(error instanceof StorageError) || signal.aborted) throw error;
        if (error.failure === "unclear") unsure = true;
        else if (error.failure !== "throttled") {
          if (sending === undefined) throw error;
          const settled = await sending.settle(error, unsure);
          if (settled !== "again") return settled;
        }
        passing = error;
        throw error;
      }
    };
    return await patiently(attempt, {
      signal,
      mayPass: (failure) => failure === passing,
      retries_max,
      pause_ms: () => pause_ms,
      wait_max_ms: RETRY_AFTER_MAX_MS,
      ...(patience.on_retry && { on_retry: patience.on_retry }),
    });
  };

  /** After "the name is taken" or "it changed": ours from a try that seemed to fail, another's, or a false answer. */
  const recognise = (key: string, body: Uint8Array, signal: AbortSignal, mayBeAbsent: boolean): Sending<string> => ({
    bytes: body.byteLength,
    async settle(error, unsure) {
      if (error.failure !== "exists" && error.failure !== "changed") throw error;
      if (unsure) {
        const there = await persist(key, signal, (one) => storage.read(key, one)).catch(absent);
        if (there && Buffer.compare(there.body, body) === 0) return there.etag;
        if (there === undefined && mayBeAbsent) return "again";
      } else if (mayBeAbsent) {
        const there = await persist(key, signal, (one) => storage.look(key, one)).catch(absent);
        if (there === undefined) return "again";
      }
      throw error;
    },
  });

  return {
    location: storage.location,
    create: (key, body, signal) =>
      persist(key, signal, (one) => storage.create(key, body, one), recognise(key, body, signal, true)),
    replace: (key, body, etag, signal) =>
      persist(key, signal, (one) => storage.replace(key, body, etag, one), recognise(key, body, signal, etag === null)),
    read: async (key, signal) => {
      const object = await persist(key, signal, (one) => storage.read(key, one));
      await limit?.afterReceiving(object.body.byteLength, signal);
      return object;
    },
    look: (key, signal) => persist(key, signal, (one) => storage.look(key, one)),
    page: (prefix, after, signal) => persist(prefix, signal, (one) => storage.page(prefix, after, one)),
    folders: (prefix, signal) => persist(prefix, signal, (one) => storage.folders(prefix, one)),
    remove: (key, signal) => persist(key, signal, (one) => storage.remove(key, one)),
  };
}
