/** Who may call the service, through its own API. A key's secret is shown once, when it is made, and never again. */
import { z } from "zod";
import { RATE_TIERS, SCOPES } from "../../worker/ground/principal.ts";
import { createdKey, keyPage, type keyView } from "../../worker/schemas/keys.ts";
import { type Client, pagesOf } from "../service/client.ts";

export const keyRequest = z.strictObject({
  name: z.string(),
  tenant: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  rate_tier: z.enum(RATE_TIERS),
  daily_quota: z.number().optional(),
  expires_at: z.string().optional(),
});
export type KeyRequest = z.infer<typeof keyRequest>;
type KeyRecord = z.infer<typeof keyView>;

/** Creates a key; the answer holds it in full, this once. */
export async function createKey(client: Client, request: KeyRequest): Promise<z.infer<typeof createdKey>> {
  return await client.post("/api/v1/keys", request, { answer: createdKey });
}

/** Revokes a key; it stops working within 10 s, when the last isolate forgets it. */
export async function revokeKey(client: Client, id: string): Promise<void> {
  await client.delete(`/api/v1/keys/${encodeURIComponent(id)}`);
}

/** All keys, newest first, without their secrets. */
export async function listKeys(client: Client): Promise<KeyRecord[]> {
  const keys: KeyRecord[] = [];
  for await (const page of pagesOf(client, "/api/v1/keys", keyPage)) keys.push(...page.keys);
  return keys;
}
