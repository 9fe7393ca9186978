/** How the components are, taken down every five minutes: what the status page's history is made of. */
import type { CheckResult } from "../ground/status.ts";
import { probe } from "../operations/health.ts";
import { statusBook } from "../operations/status.ts";
import type { Work } from "../work.ts";

/** Throws when the book cannot be reached; the check is missing then. */
export async function recordStatus({ env, now_ms }: Work): Promise<void> {
  const { database, vectorize, kv, aiDown } = await probe(env);
  const judged = ({ works, latency_ms }: { works: boolean; latency_ms: number }): CheckResult => ({
    state: works ? "up" : "down",
    // What was given up says how patient we are, not how fast it is.
    latency_ms: works ? latency_ms : null,
  });
  const isWhole = vectorize.works && kv.works && !aiDown;
  await statusBook(env).record({
    at_ms: now_ms,
    results: {
      // Without the database nothing is answered; the rest has fallbacks (`operations/health.ts`).
      api: { state: database.works ? (isWhole ? "up" : "degraded") : "down", latency_ms: null },
      database: judged(database),
      vectorize: judged(vectorize),
      kv: judged(kv),
      ai: { state: aiDown ? "down" : "up", latency_ms: null },
    },
  });
}
