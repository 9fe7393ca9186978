/** The first key of a platform, made as an operator makes one. */
import { z } from "zod";

/** A key with every scope for tenant `default`, made through the service's own API. */
export async function createAdminKey(url: string, apiSecret: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiSecret}`, "content-type": "application/json" },
    body: JSON.stringify({
      name: "local admin",
      tenant: "default",
      scopes: ["read", "chat", "write", "metrics", "ops", "admin", "debug"],
      rate_tier: "high",
    }),
  });
  if (!response.ok) throw new Error(`the Worker refused to create the first key: ${await response.text()}`);
  return z.object({ key: z.string() }).parse(await response.json()).key;
}
