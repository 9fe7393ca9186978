/** What the service answers about alerts. */
import { type AlertList, alertList } from "../../worker/schemas/alerts.ts";
import { type Client, decode } from "../service/client.ts";

/** @throws OpsError as the client does. */
export async function readAlerts(client: Client): Promise<AlertList> {
  return decode(alertList, await client.get("/api/v1/alerts"), "GET /api/v1/alerts");
}
