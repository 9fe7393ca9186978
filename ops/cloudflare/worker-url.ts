/** Where a Worker answers, as its account tells. */
import type Cloudflare from "cloudflare";
import { OpsError } from "../command/errors.ts";

/**
 * Base of its HTTP API without a trailing slash: its custom domain, the first by name where it has several; else its workers.dev
 * address.
 * @throws OpsError when it has neither.
 */
export async function workerUrl(client: Cloudflare, account_id: string, script: string): Promise<string> {
  const hostnames: string[] = [];
  for await (const { hostname } of client.workers.domains.list({ account_id, service: script }))
    hostnames.push(hostname);
  const [domain] = hostnames.sort();
  if (domain !== undefined) return `https://${domain}`;
  const { enabled } = await client.workers.scripts.subdomain.get(script, { account_id });
  if (enabled)
    return `https://${script}.${(await client.workers.subdomains.get({ account_id })).subdomain}.workers.dev`;
  throw new OpsError({
    op: "find the address of",
    subject: `the Worker ${script}`,
    cause: "it has no custom domain, and workers.dev is switched off",
    hint: "export PRISM_URL=https://… and PRISM_API_SECRET=… if it answers elsewhere; npm run ops -- deploy gives it the address that is declared",
  });
}
