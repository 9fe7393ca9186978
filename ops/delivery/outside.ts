/** What stands outside of a stack and speaks against deploying to it just now. It is told and not refused: the deployment may be the remedy. */
import { capacityReport } from "../../worker/schemas/monitoring.ts";
import type { Environment } from "../command/invocation.ts";
import { readCloudflareStatus } from "../health/cloudflare-status.ts";
import { PROBE_TIMEOUT_MS } from "../limits.ts";
import { createClient } from "../service/client.ts";
import type { StackTarget } from "../stack/target.ts";
import { type ResourceRow, resourceRows } from "../usage/resources.ts";

interface Outside {
  env: Environment;
  now_ms: number;
  signal: AbortSignal;
}

/** Impaired services of Cloudflare, and allowances that are nearly used up. Empty where neither can be asked. */
export async function warningsFromOutside(target: StackTarget, outside: Outside): Promise<string[]> {
  const [{ impaired, incidents }, used] = await Promise.all([
    readCloudflareStatus(outside.env, outside.signal),
    nearlyUsed(target, outside).catch(() => []),
  ]);
  const cloudflare = [...impaired, ...incidents].map((what) => `Cloudflare says: ${what} (npm run ops -- status)`);
  return [...cloudflare, ...used];
}

/** A release that cannot be asked is what the deployment may mend. */
async function nearlyUsed(target: StackTarget, { now_ms, signal }: Outside): Promise<string[]> {
  const { url, secret } = await target.service();
  const client = createClient({ url, token: secret, signal, timeout_ms: PROBE_TIMEOUT_MS });
  // Once: whoever deploys what mends the service does not wait for it.
  const response = await client.send("GET", "/monitoring/capacity-report");
  return usedWarnings(resourceRows(capacityReport.parse(await response.json()), now_ms));
}

/** What of the plan is nearly used up. */
export function usedWarnings(rows: readonly ResourceRow[]): string[] {
  return rows.flatMap(({ resource, usage_percentage, state }) =>
    state === "ok" ? [] : [`${resource} is used to ${usage_percentage.toFixed(1)} % (npm run ops -- usage)`],
  );
}
