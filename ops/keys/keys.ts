/** Who may call the service, through its own API. A key's secret is shown once, when it is made, and never again. */
import { z } from "zod";
import type { RateTier, Scope } from "../../worker/ground/principal.ts";
import { type Client, decode } from "../service/client.ts";

export const keyRecord = z.object({
  id: z.string(),
  name: z.string(),
  tenant: z.string(),
  scopes: z.array(z.string()),
  rate_tier: z.string(),
  daily_quota: z.number().nullable(),
  created_at: z.string(),
  expires_at: z.string().nullable(),
  revoked_at: z.string().nullable(),
});
type KeyRecord = z.infer<typeof keyRecord>;

export const createdKey = keyRecord.extend({ key: z.string() });
const keyPage = z.object({ keys: z.array(keyRecord), next_cursor: z.string().nullable() });

export interface KeyRequest {
  name: string;
  tenant: string;
  scopes: Scope[];
  rate_tier: RateTier;
  daily_quota?: number;
  /** ISO 8601. */
  expires_at?: string;
}

/** Creates a key; the answer holds it in full, this once. */
export async function createKey(client: Client, request: KeyRequest): Promise<KeyRecord & { key: string }> {
  return decode(createdKey, await client.post("/api/v1/keys", request), "POST /api/v1/keys");
}

/** Revokes a key; it stops working within 10 s, when the last isolate forgets it. */
export async function revokeKey(client: Client, id: string): Promise<void> {
  await client.delete(`/api/v1/keys/${encodeURIComponent(id)}`);
}

/** All keys, newest first, without their secrets. */
export async function listKeys(client: Client): Promise<KeyRecord[]> {
  const keys: KeyRecord[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? "" : `?cursor=${encodeURIComponent(cursor)}`;
    const page: z.infer<typeof keyPage> = decode(keyPage, await client.get(`/api/v1/keys${query}`), "GET /api/v1/keys");
    keys.push(...page.keys);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return keys;
}
