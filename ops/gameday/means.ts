/** By what means faults come about: heartbeats, SQL and settings over Cloudflare's API, callers of their own. */
import { QUEUES, SERVICE } from "../../infra/inventory.ts";
import { liveOf } from "../../infra/outputs.ts";
import { CONFIGURATION_KEY } from "../../worker/alerts/configuration.ts";
import { createKey } from "../keys/keys.ts";
import { GAMEDAY_REQUEST_TIMEOUT_MS } from "../limits.ts";
import { type Client, createClient } from "../service/client.ts";
import type { Arena } from "./arena.ts";

export async function heartbeat(
  { operator }: Arena,
  job: string,
  result: "start" | "success" | "fail",
  more: { measures?: Record<string, number>; next_due_at?: string; grace_s?: number } = {},
): Promise<void> {
  await operator.post(`/api/v1/heartbeats/${job}`, { result, ...more });
}

/** Id of the live database. */
export async function databaseId({ invocation }: Arena): Promise<string> {
  const { database } = await (await invocation.target()).resources();
  return liveOf(database)?.id ?? "";
}

/** Statements on the live database, as somebody would run them in the dashboard. */
export async function sql(arena: Arena, statements: string): Promise<unknown[]> {
  const database_id = await databaseId(arena);
  const { client, account_id } = arena.account;
  const pages = client.d1.database.query(database_id, { account_id, sql: statements });
  const results: unknown[] = [];
  for await (const { results: rows = [] } of pages) results.push(...rows);
  return results;
}

/** A request to Cloudflare's API below the account; what it refuses is thrown. */
export async function account<T>(
  arena: Arena,
  method: "get" | "post" | "put" | "delete",
  path: string,
  body?: unknown,
) {
  const { client, account_id } = arena.account;
  return client[method]<{ result: T }>(`/accounts/${account_id}/${path}`, body === undefined ? {} : { body });
}

export async function queueId(arena: Arena, queue: keyof typeof QUEUES): Promise<string> {
  const { result } = await account<{ queue_id: string; queue_name: string }[]>(arena, "get", "queues");
  return result.find(({ queue_name }) => queue_name === QUEUES[queue].name)?.queue_id ?? "";
}

/** Puts a text where the Worker and the watchdog look for who is told. */
export async function putAlertConfiguration(
  { account: { client, account_id }, invocation }: Arena,
  value: string,
): Promise<void> {
  const namespace_id = (await (await invocation.target()).resources()).kv.config;
  await client.kv.namespaces.values.update(CONFIGURATION_KEY, { account_id, namespace_id, value });
}

/** Somebody with a key of their own. */
export async function caller(
  arena: Arena,
  settings: { tenant: string; rate_tier?: "low" | "high" },
): Promise<Client & { key_id: string; key: string }> {
  const { tenant, rate_tier = "high" } = settings;
  const made = await createKey(arena.operator, {
    name: `game day ${tenant}`,
    tenant,
    scopes: ["read", "chat", "write"],
    rate_tier,
  });
  const client = createClient({
    url: arena.platform.url,
    token: made.key,
    signal: arena.invocation.signal,
    timeout_ms: GAMEDAY_REQUEST_TIMEOUT_MS,
  });
  return { ...client, key_id: made.id, key: made.key };
}

/** Takes every trigger of the Worker's cron away, as deployments have done. */
export async function removeCrons({ account: { client, account_id } }: Arena): Promise<void> {
  await client.workers.scripts.schedules.update(SERVICE, { account_id, body: [] });
}

/** Bindings fail by these rules from then on, or work again without any. */
export const fails =
  (...rules: Arena["faults"]["rules"]) =>
  async ({ faults }: Arena): Promise<void> => {
    faults.rules = rules;
  };
export const works = fails();

/** Searches that no cache knows. */
export function freshSearches({ admin, clock }: Arena, count: number): Promise<void> {
  return atOnce(count, (index) => admin.send("POST", "/api/v1/search", { query: `gauge ${index} at ${clock.now()}` }));
}

/** So many requests at once; whatever comes of them. */
export async function atOnce(count: number, request: (index: number) => Promise<unknown>): Promise<void> {
  await Promise.allSettled(Array.from({ length: count }, (_, index) => request(index)));
}

/** What Cloudflare's notification policies send to the Worker. */
export async function notification(
  { platform, webhook_secret }: Arena,
  alert_type: string,
  text: string,
): Promise<void> {
  await fetch(`${platform.url}/api/v1/alerts/cloudflare`, {
    method: "POST",
    headers: { "content-type": "application/json", "cf-webhook-auth": webhook_secret() },
    body: JSON.stringify({ name: alert_type, alert_type, text }),
  });
}
