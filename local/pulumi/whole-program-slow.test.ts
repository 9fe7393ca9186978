import { join } from "node:path";
import Cloudflare from "cloudflare";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ALERTS, runProgram } from "../../infra/program.fixture.ts";
import { PluginUnderTest } from "../../infra/provider/plugin.fixture.ts";
import { type Platform, startPlatform } from "../platform.ts";

const GROUPS = "cloudflare:index/getAccountApiTokenPermissionGroupsList:getAccountApiTokenPermissionGroupsList";

let platform: Platform;
const plugins = new Map<string, PluginUnderTest>();

beforeAll(async () => {
  platform = await startPlatform({ api_budget: false, plan: "paid" });
  const environment = { CLOUDFLARE_API_TOKEN: platform.api_token, CLOUDFLARE_BASE_URL: platform.api_url };
  for (const [name, folder] of [
    ["cloudflare", "."],
    ["vectorize", "../../infra/provider"],
  ] as const) {
    const command = join(import.meta.dirname, folder, `pulumi-resource-${name}`);
    const plugin = await PluginUnderTest.start(command, environment);
    plugins.set(name, plugin);
    await plugin.configure({}, name);
  }
});
afterAll(async () => {
  for (const plugin of plugins.values()) await plugin.stop();
  await platform?.close();
});

const pluginOf = (type: string): PluginUnderTest => {
  const plugin = plugins.get(type.split(":")[0] ?? "");
  if (!plugin) throw new Error(`no plugin for ${type}`);
  return plugin;
};

test("everything that the program declares can be made with the real bundle, differs in nothing, and can be deleted", async () => {
  const client = new Cloudflare({ apiToken: platform.api_token, baseURL: platform.api_url });
  const zone = await client.zones.create({ account: { id: platform.account_id }, name: "example.com" });
  // Staging, as production's names are those that the platform itself already has; Logpush and a zone, as nothing else adds more.
  const { resources } = await runProgram({
    stack: "staging",
    config: {
      ...{ accountId: platform.account_id, bundle: undefined, plan: "paid" },
      zone: { id: zone.id, hostname: `api.${zone.name}` },
    },
    alerts: [...ALERTS, "health_check_status_notification", "failing_logpush_job_disabled_alert"],
  });
  /** What stood in for ids while the program ran without an engine → the ids of what is made here. */
  const ids = new Map<string, string>();
  const { results } = await pluginOf("cloudflare:").invoke(GROUPS, { accountId: platform.account_id });
  for (const { id, name, scopes } of results as { id: string; name: string; scopes: string[] }[])
    ids.set(`${scopes[0]}/${name}`, id);
  const withIds = (value: unknown): unknown => {
    if (typeof value === "string") return ids.get(value) ?? value;
    if (Array.isArray(value)) return value.map(withIds);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, withIds(part)]));
  };

  const made: (() => Promise<void>)[] = [];
  for (const { type, name, inputs: declared } of resources.filter(({ type }) => !type.startsWith("pulumi:"))) {
    const plugin = pluginOf(type);
    const urn = `urn:pulumi:staging::prism::${type}::${name}`;
    const { inputs, failures } = await plugin.check(urn, withIds(declared) as Record<string, unknown>);
    expect([name, failures]).toEqual([name, []]);
    const { id, outputs } = await plugin.create(urn, inputs);
    ids.set(`${name}-id`, id);
    const read = await plugin.read(urn, id, outputs, inputs);
    expect([name, read?.inputs]).toEqual([name, inputs]);
    expect([name, await plugin.diff(urn, id, read?.outputs ?? {}, inputs, inputs)]).toMatchObject([
      name,
      { changes: false },
    ]);
    // A version and its deployment go with their Worker, as their retainOnDelete says.
    if (!/Version$|Deployment$/.test(type)) made.push(() => plugin.delete(urn, id, outputs));
  }
  expect(made.length).toBeGreaterThan(30);
  for (const unmake of made.toReversed()) await unmake();

  for (const plugin of plugins.values()) expect(plugin.printed).toBe("");
});
