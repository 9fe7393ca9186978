/**
 * Which notifications this account may have. The list differs by plan and changes without notice, so it is asked for at
 * every preview instead of being written down.
 */
import { cloudflare, unanswered } from "./cloudflare-api.ts";
import { config } from "./config.ts";

/** `alert_type`s that the account may use. Throws, with the remedy, when Cloudflare does not say. */
export async function askAvailableAlerts(): Promise<ReadonlySet<string>> {
  try {
    const byProduct = await cloudflare.alerting.availableAlerts.list({ account_id: config.accountId });
    const types = Object.values(byProduct).flatMap((alerts) => alerts.map(({ type }) => type));
    return new Set(types.filter((type) => type !== undefined));
  } catch (error) {
    throw unanswered("which alerts the account may have", "Notifications Read", error);
  }
}
