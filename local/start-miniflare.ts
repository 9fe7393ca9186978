/** Miniflare without its own idea of what a signal means, and what its failures mean. */
import { Miniflare, MiniflareCoreError, type MiniflareOptions } from "miniflare";

/**
 * Miniflare ends the process on SIGINT, SIGTERM and SIGHUP before anybody else can put things in order. Whoever starts
 * a platform decides what a signal means; Miniflare's own cleaning up at `exit` stays.
 */
export function startMiniflare(options: MiniflareOptions): Miniflare {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const before = signals.map((signal) => process.listeners(signal));
  const miniflare = new Miniflare(options);
  signals.forEach((signal, index) => {
    for (const listener of process.listeners(signal)) {
      if (!before[index]?.includes(listener)) process.off(signal, listener);
    }
  });
  return miniflare;
}

/** Whether a reload failed for a port: Miniflare wants those that it had, and another process may have taken one meanwhile. */
export function isPortTaken(error: unknown): boolean {
  return error instanceof MiniflareCoreError && error.code === "ERR_ADDRESS_IN_USE";
}
