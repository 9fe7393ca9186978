/**
 * Health for anyone: cheap, and one answer for all callers of some seconds, since nobody is asked who they are.
 *
 * Ready means that questions can be answered: the database must work. Vectorize, KV and AI have fallbacks, so their
 * failure degrades and does not take the service out of rotation.
 */
import { alertState } from "../alerts/state.ts";
import type { Env } from "../env.ts";
import { within } from "../ground/time-limit.ts";
import {
  HEALTH_CACHE_MS,
  HEALTH_CHECK_TIMEOUT_MS,
  HEALTH_VECTORIZE_TIMEOUT_MS,
  WATCHDOG_NOTED_EVERY_MS,
} from "../limits.ts";
import { chatModel } from "../rag/answer/chat-models.ts";
import type { Health } from "../schemas/health.ts";
import { cacheCounters } from "../store/answer-cache.ts";
import { breakers } from "../store/dependencies.ts";
import { describeError } from "../telemetry/log.ts";
import type { Work } from "../work.ts";

/** Set by the first request: an isolate's clock does not run while it is being loaded. */
let started_ms = 0;
let watched_next_ms = 0;
let last: { at_ms: number; report: Promise<Health> } | null = null;

/** How the service is, as of the last `HEALTH_CACHE_MS`. Past the guards: health must see what they hide. */
export function currentHealth({ env, now_ms }: Work): Promise<Health> {
  started_ms ||= now_ms;
  if (!last || now_ms - last.at_ms > HEALTH_CACHE_MS) last = { at_ms: now_ms, report: inspect(env, now_ms) };
  return last.report;
}

/** Whether questions can be answered, and which checks pass. */
export async function currentReadiness(work: Work) {
  const { services } = await currentHealth(work);
  const check = ({ status }: { status: string }) => (status === "unhealthy" ? ("fail" as const) : ("pass" as const));
  const checks = {
    database: check(services.database),
    vectorize: check(services.vectorize),
    kv: check(services.kv),
    ai: check(services.ai),
  };
  return { ready: checks.database === "pass", checks };
}

/**
 * Notes that the watchdog has asked, for its silence to be told; seldom, whoever uses its name. A stranger who does hides no more than
 * that the watchdog is gone.
 */
export function noteWatchdog(work: Work): void {
  if (work.now_ms < watched_next_ms) return;
  watched_next_ms = work.now_ms + WATCHDOG_NOTED_EVERY_MS;
  const lost = (error: unknown) =>
    work.log("WARN", "the watchdog's question could not be noted", { error: describeError(error) });
  work.later(alertState(work.env).watched(work.now_ms).catch(lost));
}

/** Asks each dependency for little, and times it. AI is judged by its last real calls from this isolate. */
export async function probe(env: Env) {
  const [database, vectorize, kv] = await Promise.all([
    timed(() => env.DB.prepare("SELECT 1 FROM tenants LIMIT 1").run()),
    timed(() => env.VECTORIZE.describe(), HEALTH_VECTORIZE_TIMEOUT_MS),
    timed(() => env.CONFIG.get("health")),
  ]);
  // A call would cost neurons; the breakers know how the last real ones went.
  return { database, vectorize, kv, aiDown: breakers.generation.open || breakers.embedding.open };
}

async function inspect(env: Env, now_ms: number): Promise<Health> {
  const [{ database, vectorize, kv, aiDown }, alerts] = await Promise.all([
    probe(env),
    timed(() => alertState(env).pulse()),
  ]);
  const { hits, misses } = cacheCounters;
  const hitCount = hits.memory + hits.edge + hits.kv;
  const evaluated_ms = alerts.value as number | undefined;
  const described = vectorize.value as Partial<{ vectorCount: number; dimensions: number }> | undefined;
  const healthy = (works: boolean) => (works ? ("healthy" as const) : ("unhealthy" as const));
  const allWell = vectorize.works && kv.works && !aiDown;
  return {
    status: database.works ? (allWell ? "healthy" : "degraded") : "unhealthy",
    version: env.VERSION.id,
    timestamp: new Date(now_ms).toISOString(),
    uptime: Math.round((now_ms - started_ms) / 1000),
    services: {
      database: { status: healthy(database.works), latency_ms: database.latency_ms },
      vectorize: {
        status: healthy(vectorize.works),
        index_size: described?.vectorCount ?? 0,
        dimensions: described?.dimensions ?? 0,
      },
      kv: { status: healthy(kv.works), hit_rate: hitCount === 0 ? 0 : hitCount / (hitCount + misses) },
      ai: { status: healthy(!aiDown), model: chatModel(undefined, env.DEFAULT_MODEL) },
    },
    alerts: {
      status: healthy(alerts.works),
      evaluated_at: evaluated_ms === undefined ? null : new Date(evaluated_ms).toISOString(),
    },
  };
}

async function timed(
  work: () => Promise<unknown>,
  limit_ms = HEALTH_CHECK_TIMEOUT_MS,
): Promise<{ works: boolean; latency_ms: number; value?: unknown }> {
  const started = performance.now();
  const latency_ms = () => Math.round(performance.now() - started);
  try {
    const value = await within(limit_ms, work);
    return { works: true, latency_ms: latency_ms(), value };
  } catch {
    return { works: false, latency_ms: latency_ms() };
  }
}
