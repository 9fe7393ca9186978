/** Where a Worker answers, as its account tells. */
import type { Cloudflare } from "./official.ts";

/**
 * Base of its HTTP API without a trailing slash: its custom domain, the first by name where it has several; else its workers.dev
 * address. Null where it has neither.
 */
export async function workerUrl(client: Cloudflare, account_id: string, script: string): Promise<string | null> {
  const hostnames: string[] = [];
  for await (const { hostname } of client.workers.domains.list({ account_id, service: script }))
    hostnames.push(hostname);
  const [domain] = hostnames.sort();
  if (domain !== undefined) return `https://${domain}`;
  const { enabled } = await client.workers.scripts.subdomain.get(script, { account_id });
  if (!enabled) return null;
  const { subdomain } = await client.workers.subdomains.get({ account_id });
  return `https://${script}.${subdomain}.workers.dev`;
}
