/** What a platform that starts asks its Worker first: for a key, as an operator does, or where there is one, for any answer. */
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { FIRST_ANSWER_PAUSE_MS, FIRST_ANSWER_TRIES } from "./limits.ts";

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

/**
 * Resolves when the Worker has answered by the public port: over data from before nothing has come that way yet, and "ready" is a promise
 * about it. A Worker that never answers is let be: what is deployed may be what is broken.
 */
export async function firstAnswer(url: string): Promise<void> {
  for (let tries = 0; tries < FIRST_ANSWER_TRIES; tries++) {
    const { status } = await fetch(`${url}/livez`);
    if (status !== 502) return;
    await pause(FIRST_ANSWER_PAUSE_MS);
  }
}
