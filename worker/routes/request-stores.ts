/** The stores as one request uses them: observed, guarded, and with the caller's tenant. */
import type { Context } from "hono";
import type { App } from "../context.ts";
import { explain, observedDatabase } from "../store/database.ts";
import { guardedAi, guardedVectorize } from "../store/dependencies.ts";
import { describeError, logEvent } from "../telemetry/log.ts";
import type { VectorStores } from "../vectors/settle.ts";

/** `vectorize` includes `query`, so that the same stores serve retrieval and ingestion. */
export type RequestStores = VectorStores & { vectorize: Pick<Vectorize, "query" | "upsert" | "deleteByIds"> };

export function requestStores(c: Context<App>): RequestStores {
  const { env } = c;
  const db = observedDatabase(env.DB, c.get("timings"), (statements, duration_ms) => {
    c.executionCtx.waitUntil(
      explain(env.DB, statements).then(
        (plan) => logEvent(c, "WARN", "slow query", { sql: statements, plan, duration_ms }),
        (error: unknown) =>
          logEvent(c, "WARN", "slow query", { sql: statements, duration_ms, error: describeError(error) }),
      ),
    );
  });
  return {
    db,
    ai: guardedAi(env, c.get("timings")),
    vectorize: guardedVectorize(env, c.get("timings")),
    packs: env.VECTOR_PACKS,
  };
}
