/** What the service answers about alerts. */
import { type AlertList, alertList } from "../../worker/schemas/alerts.ts";
import type { Client } from "../service/client.ts";

/** @throws OpsError as the client does. */
export function readAlerts(client: Client): Promise<AlertList> {
  return client.get("/api/v1/alerts", alertList);
}
