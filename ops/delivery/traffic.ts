/**
 * Steady traffic during a deployment, so that its cost is counted and not supposed: requests as callers send them, and
 * requests for the new version alone. Reads only.
 */
import { setTimeout as pause } from "node:timers/promises";
import { counted } from "../../worker/ground/counted.ts";
import { rounded } from "../command/rounded.ts";
import {
  PROBE_CALLERS_PER_S,
  PROBE_CANDIDATE_PER_S,
  PROBE_FAILED_SHARE_MAX,
  PROBE_FAILURES_MAX,
  PROBE_IN_FLIGHT_MAX,
  PROBE_TIMEOUT_MS,
  SETTLE_POLL_MS,
} from "../limits.ts";
import type { PhaseTraffic } from "./traffic-report.ts";

interface Caller {
  url: string;
  /** An API key of scope `read`, or null: then only `/health/live` is asked. */
  key: string | null;
}

/** Names the version of the current deployment that is to answer. Anything else is left to the split. */
export function versionOverride(script: string, version_id: string): Record<string, string> {
  return { "Cloudflare-Workers-Version-Overrides": `${script}="${version_id}"` };
}

const EXAMPLES_MAX = 3;
interface Read {
  method: string;
  path: string;
  body?: string;
}
const READS: readonly Read[] = [
  { method: "GET", path: "/health" },
  {
    method: "POST",
    path: "/api/v1/search",
    body: JSON.stringify({ query: "how is a bad deployment undone", top_k: 3 }),
  },
];
const LIVENESS: Read = { method: "GET", path: "/health/live" };

export class Traffic {
  readonly #caller: Caller;
  readonly #phases: PhaseTraffic[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #timers: NodeJS.Timeout[] = [];
  #candidate: Record<string, string> | null = null;
  #count = 0;

  constructor(caller: Caller, firstPhase: string) {
    this.#caller = caller;
    this.phase(firstPhase);
    this.#timers.push(
      setInterval(() => this.#send(null), 1000 / PROBE_CALLERS_PER_S),
      setInterval(() => this.#candidate && this.#send(this.#candidate), 1000 / PROBE_CANDIDATE_PER_S),
    );
  }

  /** Requests from now on count for this phase, which it returns; it goes on changing. */
  phase(name: string): PhaseTraffic {
    const phase = {
      phase: name,
      requests: 0,
      failed: 0,
      candidate: { requests: 0, failed: 0 },
      longest_ms: 0,
      examples: [],
    };
    this.#phases.push(phase);
    return phase;
  }

  /** Also asks for this version alone, or no longer (null). */
  candidate(override: Record<string, string> | null): void {
    this.#candidate = override;
  }

  /** Watches a phase for `watch_ms`, or until it condemns what it sees. Returns why, or null. */
  async watch(phase: PhaseTraffic, watch_ms: number, signal: AbortSignal): Promise<string | null> {
    const end_ms = performance.now() + watch_ms;
    for (;;) {
      const verdict = condemnation(phase);
      if (verdict !== null || performance.now() >= end_ms) return verdict;
      await pause(Math.min(SETTLE_POLL_MS, watch_ms), undefined, { signal });
    }
  }

  /** Ends the traffic when what is under way has been answered. */
  async stop(): Promise<PhaseTraffic[]> {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    while (this.#running.size > 0) await Promise.all(this.#running);
    return this.#phases;
  }

  #send(override: Record<string, string> | null): void {
    const phase = this.#phases.at(-1);
    if (!phase || this.#running.size >= PROBE_IN_FLIGHT_MAX) return;
    const { key, url } = this.#caller;
    const { method, path, body } = key === null ? LIVENESS : (READS[this.#count++ % READS.length] ?? LIVENESS);
    const headers = {
      ...override,
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    const counted = override === null ? phase : phase.candidate;
    const started_ms = performance.now();
    const request = fetch(`${url}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    })
      .then(async (response) => {
        await response.arrayBuffer();
        return response.status < 500 ? null : `${method} ${path}: ${response.status}`;
      })
      .catch(
        (error: Error) => `${method} ${path}: ${error.cause instanceof Error ? error.cause.message : error.message}`,
      )
      .then((failure) => {
        counted.requests += 1;
        if (override === null)
          phase.longest_ms = Math.max(phase.longest_ms, rounded(performance.now() - started_ms, 0));
        if (failure === null) return;
        counted.failed += 1;
        if (phase.examples.length < EXAMPLES_MAX) phase.examples.push(failure);
      });
    this.#running.add(request);
    void request.finally(() => this.#running.delete(request));
  }
}

/** Why what a phase shows is not fit for callers, or null. */
export function condemnation({ requests, failed, candidate, examples }: PhaseTraffic): string | null {
  for (const [whose, counts] of [
    ["callers'", { requests, failed }],
    ["new version's", candidate],
  ] as const) {
    if (counts.failed > PROBE_FAILURES_MAX && counts.failed > counts.requests * PROBE_FAILED_SHARE_MAX)
      return `${counts.failed} of the ${whose} ${counted(counts.requests, "request")} failed (${examples[0] ?? "no answer"})`;
  }
  return null;
}
