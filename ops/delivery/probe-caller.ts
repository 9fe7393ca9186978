/** Who the traffic of a delivery comes from: a temporary key in the tenant of the journeys, removed afterwards. */

import { asOpsError } from "../command/errors.ts";
import { TENANT } from "../health/synthetic-journeys.ts";
import { createKey, revokeKey } from "../keys/keys.ts";
import { CLEANUP_TIMEOUT_MS } from "../limits.ts";
import { createClient } from "../service/client.ts";
import type { StackTarget } from "../stack/locate.ts";
import { type PhaseTraffic, Traffic } from "./traffic.ts";

/** What callers met during a delivery. */
export interface TrafficReport {
  requests: number;
  failed: number;
  /** Requests for the new version alone, which no caller sent. */
  candidate: { requests: number; failed: number };
  phases: PhaseTraffic[];
}

/**
 * Runs `work` under steady traffic. A service that can make no key is asked for its liveness alone: the delivery may be what
 * repairs it.
 */
export async function underTraffic<T>(
  { url, secret }: Pick<StackTarget, "url" | "secret">,
  firstPhase: string,
  note: (text: string) => void,
  work: (traffic: Traffic) => Promise<T>,
): Promise<{ result: T; report: TrafficReport }> {
  const admin = () => createClient({ url, token: secret, signal: AbortSignal.timeout(CLEANUP_TIMEOUT_MS) });
  const key = await createKey(admin(), {
    name: "probe of a deployment",
    tenant: TENANT,
    scopes: ["read"],
    rate_tier: "high",
  }).catch((error: unknown) => {
    note(`The service makes no key (${asOpsError(error).parts.cause}): only its liveness is watched.`);
    return null;
  });
  const traffic = new Traffic({ url, key: key?.key ?? null }, firstPhase);
  try {
    const result = await work(traffic);
    return { result, report: total(await traffic.stop()) };
  } finally {
    await traffic.stop();
    if (key)
      await revokeKey(admin(), key.id).catch((error: unknown) =>
        note(`Left behind: key ${key.id} of tenant ${TENANT} (${asOpsError(error).parts.cause})`),
      );
  }
}

function total(phases: PhaseTraffic[]): TrafficReport {
  const sum = (pick: (phase: PhaseTraffic) => number) => phases.reduce((all, phase) => all + pick(phase), 0);
  return {
    requests: sum(({ requests }) => requests),
    failed: sum(({ failed }) => failed),
    candidate: {
      requests: sum(({ candidate }) => candidate.requests),
      failed: sum(({ candidate }) => candidate.failed),
    },
    phases: phases.filter(({ requests, candidate }) => requests + candidate.requests > 0),
  };
}
