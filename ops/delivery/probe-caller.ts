/** Who the traffic of a delivery comes from: a temporary key in the tenant of the journeys, removed afterwards. */

import { asOpsError } from "../command/errors.ts";
import { TENANT } from "../health/synthetic-journeys.ts";
import { createKey, revokeKey } from "../keys/keys.ts";
import { CLEANUP_TIMEOUT_MS } from "../limits.ts";
import { createClient } from "../service/client.ts";
import type { ServiceAddress } from "../stack/target.ts";
import { Traffic } from "./traffic.ts";
import { reported, type TrafficReport } from "./traffic-report.ts";

/**
 * Runs `work` under steady traffic. A service that can make no key is asked for its liveness alone: the delivery may be what
 * repairs it.
 */
export async function underTraffic<T>(
  { url, secret }: ServiceAddress,
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
    return { result, report: reported(await traffic.stop()) };
  } finally {
    await traffic.stop();
    if (key)
      await revokeKey(admin(), key.id).catch((error: unknown) =>
        note(`Left behind: key ${key.id} of tenant ${TENANT} (${asOpsError(error).parts.cause})`),
      );
  }
}
