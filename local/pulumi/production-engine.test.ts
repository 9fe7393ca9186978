/** Production as most of it there can be, under the real engine: the paid plan, a zone, the watchdog, telemetry that is exported. */
import Cloudflare from "cloudflare";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SERVICE, WATCHDOG } from "../../infra/inventory.ts";
import { type EngineStack, startEngineStack } from "./engine.fixture.ts";

const UP = ["up", "--yes", "--skip-preview"];

let stack: EngineStack;
let client: Cloudflare;
let account: { account_id: string };

beforeAll(async () => {
  stack = await startEngineStack({ stack: "production", plan: "paid" });
  const { api_token, api_url, account_id } = stack.platform;
  client = new Cloudflare({ apiToken: api_token, baseURL: api_url });
  account = { account_id };
  const zone = await client.zones.create({ account: { id: account_id }, name: "example.com" });
  stack.setConfig({
    zone: { id: zone.id, hostname: `api.${zone.name}` },
    cpuMs: 50,
    telemetryDestinations: { traces: ["tempo"], logs: ["loki"] },
    notificationEmails: ["on-call@example.com"],
  });
});
afterAll(() => stack?.close());

/** Where lines and spans of both Workers go. */
const destinations = async () =>
  Promise.all(
    [SERVICE, WATCHDOG.name].map(async (name) => {
      const { logs, traces } = (await client.workers.beta.workers.get(name, account)).observability;
      return { logs: logs?.destinations, traces: traces?.destinations };
    }),
  );

test("everything is made, and neither a refresh nor a second up finds anything to do", async () => {
  await stack.pulumi(...UP);
  const exported = { logs: ["loki"], traces: ["tempo"] };
  expect(await destinations()).toEqual([exported, exported]);
  await stack.pulumi(...UP, "--refresh", "--expect-no-changes");
});

test("a destination that is no longer configured, or that somebody else added, gets nothing more", async () => {
  stack.setConfig({ telemetryDestinations: undefined });
  const { id } = await client.workers.beta.workers.get(SERVICE, account);
  await client.workers.beta.workers.edit(id, {
    ...account,
    observability: { logs: { destinations: ["loki", "elsewhere"] } },
  } as never);
  await stack.pulumi(...UP, "--refresh");
  expect(await destinations()).toEqual([
    { logs: [], traces: [] },
    { logs: [], traces: [] },
  ]);
});
