/** The inside of the service, for an operator who looks for a fault. */
import type { z } from "zod";
import { RATE_LIMITS, SECRETS, VARIABLES } from "../../infra/inventory.ts";
import { labelled } from "../ground/tally.ts";
import type { databaseHealth, environment, performanceState, rateLimitStatus } from "../schemas/debug.ts";
import { cacheCounters, rememberedAnswers } from "../store/answer-cache.ts";
import { breakers } from "../store/dependencies.ts";
import { fenceOf, fenceStatement } from "../store/fence.ts";
import type { Work } from "../work.ts";
import { performed } from "./checks/check.ts";
import { database, databaseWrite, fullText, tables } from "./checks/database.ts";
import { seriesOf } from "./metrics.ts";
import { total } from "./read-meter.ts";
import { slowQueries } from "./slow-queries.ts";

/** Names, and whether each is there: what they hold is nobody's business here. */
export function environmentOf({ env }: Work): z.infer<typeof environment> {
  const values = env as unknown as Record<string, unknown>;
  const isSet = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, values[name] !== undefined && values[name] !== ""]));
  const texts = [...Object.keys(VARIABLES), ...SECRETS];
  return {
    version: env.VERSION.id,
    bindings: isSet(Object.keys(values).filter((name) => !(texts as string[]).includes(name))),
    variables: isSet(Object.keys(VARIABLES)),
    secrets: isSet(SECRETS),
  };
}

/** @throws D1's errors, where it answers nothing but the checks. */
export async function healthOfDatabase(work: Work): Promise<z.infer<typeof databaseHealth>> {
  const { db } = work.stores;
  const [checks, [migrations, fence]] = await Promise.all([
    Promise.all([database, databaseWrite, tables, fullText].map((check) => performed(check, work))),
    db.batch<{ name: string; lifted_at_ms: number | null }>([
      db.prepare("SELECT name FROM d1_migrations ORDER BY id"),
      fenceStatement(db),
    ]),
  ]);
  const found = checks.map(({ name, needs: _, met: __, ...check }) => [name, check]);
  return {
    checks: Object.fromEntries(found) as z.infer<typeof databaseHealth>["checks"],
    size_bytes: migrations?.meta.size_after ?? 0,
    migrations: (migrations?.results ?? []).map(({ name }) => name),
    fence: fenceOf(fence?.results),
  };
}

/** @throws Problem `metrics-unavailable` when the meter does not answer; D1's errors. */
export async function stateOfPerformance(work: Work): Promise<z.infer<typeof performanceState>> {
  const [series, slow] = await Promise.all([seriesOf(work, "1h"), slowQueries(work)]);
  const sum = total(series, () => true);
  const picked = (names: Record<string, string>) =>
    Object.fromEntries(Object.entries(names).map(([label, name]) => [label, sum[name] ?? 0]));
  const failed = (label: string) => labelled(sum, label).reduce((all, [, count]) => all + count, 0);
  return {
    isolate: {
      cached_answers: rememberedAnswers(),
      cache_evictions: cacheCounters.evictions,
      circuits: Object.fromEntries(
        Object.entries(breakers).map(([name, breaker]) => [
          name,
          breaker.open ? ("open" as const) : ("closed" as const),
        ]),
      ),
    },
    last_hour: {
      cold_starts: sum.cold_start ?? 0,
      waited_ms: picked({ database: "db_ms", kv: "kv_ms", vectorize: "vector_ms", ai: "ai_ms" }),
      errors: {
        ...picked({ database: "database_errors" }),
        vectorize: failed("vector_errors"),
        ai: failed("ai_errors"),
      },
    },
    ...slow,
  };
}

/** @throws Problem `metrics-unavailable` when the meter does not answer. */
export async function rateLimits(work: Work): Promise<z.infer<typeof rateLimitStatus>> {
  const refused = (await seriesOf(work, "1h")).filter(({ series }) => series.status_code === 429);
  return {
    policies: Object.fromEntries(
      Object.entries(RATE_LIMITS).map(([name, { limit, period_s }]) => [name, { limit, period_s }]),
    ),
    refused_last_hour: refused.map(({ series: { method, endpoint }, tally }) => ({
      endpoint: `${method} ${endpoint}`,
      count: tally.units ?? 0,
    })),
  };
}
