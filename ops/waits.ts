/**
 * What a command waits for, so that it is never silent for long. What waits (a storage, Cloudflare's API, its budget of requests) lies far
 * below what prints, and most waits end before anybody would ask: they are published, and whoever prints watches them.
 */
import { channel } from "node:diagnostics_channel";
import { WAIT_LOOK_EVERY_MS, WAIT_TOLD_AFTER_MS } from "./limits.ts";

interface Wait {
  /** What would end it: `the storage: read locks/1`. */
  for: string;
  /** It is given up after this; null: by nobody here. */
  limit_ms: number | null;
}

const began = channel("prism.ops.wait.began");
const ended = channel("prism.ops.wait.ended");

/** What `work` returns, which is waited for meanwhile. */
export async function whileWaiting<T>(wait: Wait, work: () => Promise<T>): Promise<T> {
  // The object itself is what tells this wait from others.
  began.publish(wait);
  try {
    return await work();
  } finally {
    ended.publish(wait);
  }
}

/** What watching needs of its surroundings. */
interface Watch {
  /** Milliseconds since the epoch. */
  now(): number;
  /** When something was last printed, by the same clock. */
  heard_ms(): number;
  /** Prints a line. */
  tell(line: string): void;
}

/** Tells the longest wait whenever nothing was printed for `WAIT_TOLD_AFTER_MS`. Returns what ends it. */
export function watchWaits(watch: Watch): () => void {
  const waits = new Map<unknown, { wait: Wait; since_ms: number }>();
  const begin = (message: unknown): void => void waits.set(message, { wait: message as Wait, since_ms: watch.now() });
  const end = (message: unknown): void => void waits.delete(message);
  began.subscribe(begin);
  ended.subscribe(end);
  const look = (): void => {
    const [longest] = waits.values();
    if (longest === undefined || watch.now() - watch.heard_ms() < WAIT_TOLD_AFTER_MS) return;
    watch.tell(waitLine(longest.wait, longest.since_ms, watch.now()));
  };
  const timer = setInterval(look, WAIT_LOOK_EVERY_MS).unref();
  return () => {
    clearInterval(timer);
    began.unsubscribe(begin);
    ended.unsubscribe(end);
  };
}

/** `Waiting for 12 s for the storage: read locks/1; until 13:45:02 UTC at most`. Times since the epoch. */
export function waitLine({ for: what, limit_ms }: Wait, since_ms: number, now_ms: number): string {
  const waited_s = Math.round((now_ms - since_ms) / 1000);
  const waited = `Waiting${waited_s === 0 ? "" : ` for ${waited_s} s`} for ${what}`;
  if (limit_ms === null) return waited;
  return `${waited}; until ${new Date(since_ms + limit_ms).toISOString().slice(11, 19)} UTC at most`;
}
