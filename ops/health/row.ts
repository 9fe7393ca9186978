/** What a part of the service is like, and what to do where it is not well. Pure. */
import { z } from "zod";

export const PARTS = ["worker", "database", "vectorize", "kv", "ai", "queue", "crons", "quota"] as const;
export type Part = (typeof PARTS)[number];

/** From best to worst; `unknown` says nothing either way. */
const STATES = ["up", "unknown", "degraded", "down"] as const;
export type State = (typeof STATES)[number];

export const healthRow = z.strictObject({
  part: z.enum(PARTS),
  state: z.enum(STATES).describe("unknown: it could not be judged; the detail says why"),
  asked: z.enum(["service", "account"]).describe("the Worker's own deep check, or Cloudflare's API directly"),
  latency_ms: z.number().nullable(),
  detail: z.string(),
});
export type HealthRow = z.infer<typeof healthRow>;

export function worst(states: readonly State[]): State {
  return states.reduce((bad, state) => (STATES.indexOf(state) > STATES.indexOf(bad) ? state : bad), "up");
}

/** The next step for whoever finds a part broken at 3 a.m. */
export const NEXT: Readonly<Record<Part, string>> = {
  worker:
    "npm run ops -- logs errors --since 30m; where nobody gets an answer: npm run ops -- runbook run complete-outage",
  database: "npm run ops -- generation list; if it is lost: npm run ops -- restore plan",
  vectorize: "npm run ops -- runbook run vector-search-unavailable; answers come from full text meanwhile",
  kv: "npm run ops -- drift shows whether the namespace is there; caches are cold meanwhile",
  ai: "npm run ops -- runbook run ai-unavailable; npm run ops -- usage shows the neurons left",
  queue: "npm run ops -- runbook run ingestion-stuck",
  crons: "npm run ops -- runbook run cron-stopped",
  quota: "npm run ops -- usage shows when it runs out",
};
