/** What the service's own checks (`GET /health/deep`, `/metrics`) say of each part. Pure. */
import type { CheckName, DeepHealth } from "../../worker/schemas/deep-health.ts";
import type { Metrics } from "../../worker/schemas/metrics.ts";
import { type HealthRow, type Part, type State, worst } from "./row.ts";

/** Which checks are about which part. */
const CHECKS_OF: Readonly<Record<Exclude<Part, "quota">, readonly CheckName[]>> = {
  worker: ["auth", "meter", "alerts", "status", "audit_archive"],
  database: ["database", "database_write", "tables", "full_text"],
  vectorize: ["vectorize", "vector_parity", "packs"],
  kv: ["kv"],
  ai: ["ai"],
  queue: ["queue"],
  crons: ["cron"],
};
const STATE_OF = { healthy: "up", degraded: "degraded", unhealthy: "down", unknown: "unknown" } as const;

export function rowsOfDeepHealth({ checks, version, duration_ms }: DeepHealth): HealthRow[] {
  return Object.entries(CHECKS_OF).map(([part, names]) => {
    const found = names.map((name) => ({ name, ...checks[name] }));
    const state = worst(found.map(({ status }): State => STATE_OF[status]));
    // What is only not judged follows from what is broken.
    const told = found.filter(({ status, detail }) => detail !== null && STATE_OF[status] === state);
    const broken = told.map(({ name, detail }) => `${name}: ${detail}`);
    const latency_ms = part === "worker" ? duration_ms : Math.max(...found.map((check) => check.latency_ms));
    return {
      part: part as Part,
      state,
      asked: "service",
      latency_ms,
      detail: broken.length > 0 ? broken.join("; ") : part === "worker" ? `version ${version}` : wellWords(found),
    };
  });
}

/** Nothing is denied below the limit, so nearly used up is degraded. */
export function quotaRow({ resources }: Metrics): HealthRow {
  const { neurons_used: _used, neurons_limit: _limit, ...daily } = resources;
  const used = Object.entries(daily)
    .map(([name, allowance]) => ({ name, ...allowance }))
    .sort((a, b) => b.usage_percentage - a.usage_percentage);
  const short = used.filter(({ state }) => state !== "ok");
  const told = (short.length > 0 ? short : used.slice(0, 1)).map(
    ({ name, usage_percentage, runs_out_at }) =>
      `${name} ${usage_percentage.toFixed(1)} %${runs_out_at === null ? "" : `, used up ${runs_out_at.slice(11, 16)} UTC`}`,
  );
  const isSpent = used.some(({ usage_percentage }) => usage_percentage >= 100);
  const state = isSpent ? "down" : short.length > 0 ? "degraded" : "up";
  return { part: "quota", state, asked: "service", latency_ms: null, detail: told.join("; ") };
}

/** What is worth knowing of checks that found nothing wrong, or which they were. */
function wellWords(checks: readonly { name: string; facts: Record<string, string | number | null> }[]): string {
  const facts = new Map(checks.flatMap(({ facts: found }) => Object.entries(found)));
  const shown = SHOWN_FACTS.flatMap((name) => (facts.get(name) == null ? [] : [`${name} ${facts.get(name)}`]));
  const names = checks.map(({ name }) => name.replaceAll("_", " "));
  return shown.length > 0 ? shown.join(", ") : names.length > 1 ? names.join(", ") : "answers";
}
const SHOWN_FACTS = ["model", "vectors", "chunks", "dimensions", "backlog", "dead_letters", "runs"];
