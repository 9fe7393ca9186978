/** What the service answers about alerts. */
import { ALL_RULES } from "../../worker/alerts/rules.ts";
import { type AlertList, alertList } from "../../worker/schemas/alerts.ts";
import { OpsError } from "../command/errors.ts";
import type { Client } from "../service/client.ts";

/** @throws OpsError as the client does. */
export function readAlerts(client: Client): Promise<AlertList> {
  return client.get("/api/v1/alerts", alertList);
}

/**
 * For a dry run: the service would know what to do with this id. `of_rules`: a rule's id is one as well.
 * @throws OpsError where it would not.
 */
export async function refuseUnknownAlert(client: Client, op: string, id: string, of_rules: boolean): Promise<void> {
  const { alerts } = await readAlerts(client);
  const isKnown = of_rules
    ? ALL_RULES.some((rule) => rule.id === id) || alerts.some((alert) => alert.id === id)
    : alerts.some((alert) => alert.id === id && alert.state === "firing");
  if (isKnown) return;
  throw new OpsError({
    op,
    subject: `alert ${id}`,
    cause: of_rules ? "there is neither an alert nor a rule with this id" : "no alert with this id fires",
    hint: "npm run ops -- alerts list shows what fires",
  });
}
