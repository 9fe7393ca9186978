import { join } from "node:path";
import Cloudflare from "cloudflare";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../../infra/program.fixture.ts";
import { PluginUnderTest, UNKNOWN } from "../../infra/provider/plugin.fixture.ts";
import type { Properties } from "../../infra/provider/plugin.ts";
import { type Platform, startPlatform } from "../platform.ts";
import { shapeFailures } from "./input-check.ts";
import { NOUNS } from "./nouns.ts";
import { PackageTypes } from "./package-types.ts";

const COMMAND = join(import.meta.dirname, "pulumi-resource-cloudflare");
const GROUPS = "cloudflare:index/getAccountApiTokenPermissionGroupsList:getAccountApiTokenPermissionGroupsList";

const types = new PackageTypes();
let platform: Platform;
let plugin: PluginUnderTest;
let client: Cloudflare;
let accountId: string;

beforeAll(async () => {
  platform = await startPlatform({ api_budget: false, plan: "paid" });
  accountId = platform.account_id;
  client = new Cloudflare({ apiToken: platform.api_token, baseURL: platform.api_url });
  plugin = await PluginUnderTest.start(COMMAND, {
    CLOUDFLARE_API_TOKEN: platform.api_token,
    CLOUDFLARE_BASE_URL: platform.api_url,
  });
  await plugin.configure({}, "cloudflare");
});
afterAll(async () => {
  await plugin?.stop();
  await platform?.close();
});

/** The URN of a resource called `name`, of the type whose token ends in `type`. */
const urn = (type: string, name = "it") => {
  const token = types.tokens().find((one) => one.endsWith(`:${type}`));
  return `urn:pulumi:test::prism::${token}::${name}`;
};

/** Create, then: nothing differs, a change plans as it should, takes effect, and a deleted one is gone. */
async function live(type: string, inputs: Properties, change: Properties = {}) {
  const of = urn(type);
  const declared = { accountId, ...inputs };
  expect((await plugin.check(of, declared)).failures).toEqual([]);
  const { id, outputs } = await plugin.create(of, declared);
  expect(outputs).toMatchObject(declared);
  const again = await plugin.read(of, id, outputs, declared);
  expect(again?.inputs).toEqual(declared);
  expect(await plugin.diff(of, id, again?.outputs ?? {}, declared, declared)).toMatchObject({ changes: false });
  if (Object.keys(change).length > 0) {
    const news = { ...declared, ...change };
    const diff = await plugin.diff(of, id, outputs, news, declared);
    expect(diff).toMatchObject({ changed: Object.keys(change), replaces: [] });
    const updated = await plugin.update(of, id, outputs, news);
    expect(updated).toMatchObject(news);
    expect((await plugin.read(of, id, updated, news))?.inputs).toEqual(news);
  }
  const gone = async () => {
    await plugin.delete(of, id, outputs);
    await plugin.delete(of, id, outputs);
  };
  return { id, outputs, of, declared, gone };
}

test("the types of every resource of the package can be read", () => {
  const shapes = types.tokens().map((token) => types.resource(token));
  expect(shapes.length).toBeGreaterThan(300);
  for (const { inputs, outputs } of shapes) expect(inputs.size + outputs.size).toBeGreaterThan(0);
});

test.each([
  ["a name that the type does not have", { queueName: "q", retries: 3 }, "retries: is not declared; there are"],
  ["a value of another type", { queueName: 5 }, "queueName: must be a string, is a number"],
  ["a required property left out", {}, "queueName: is required"],
  [
    "a mistake inside a nested type",
    { queueName: "q", settings: { deliveryDelay: "1" } },
    "settings.deliveryDelay: must",
  ],
])("check refuses %s", async (_what, inputs, failure) => {
  const { failures } = await plugin.check(urn("Queue"), { accountId, ...inputs });
  expect(failures).toEqual([expect.stringContaining(failure)]);
});

test("what is unknown in a preview is not checked, what stands beside it is", async () => {
  const bindings = [{ type: "d1", name: "DB", id: UNKNOWN }, { type: "ai" }];
  const { failures } = await plugin.check(urn("WorkerVersion"), { accountId, workerId: UNKNOWN, bindings });
  expect(failures).toEqual(["bindings[1].name: is required"]);
});

test("a resource type that the package does not have is refused", async () => {
  await expect(
    plugin.check("urn:pulumi:test::prism::cloudflare:index/vectorizeIndex:VectorizeIndex::it", {}),
  ).rejects.toThrow(/has no resource type cloudflare:index\/vectorizeIndex/);
});

test("D1: replication changes in place, another name is another database", async () => {
  const readReplication = { mode: "disabled" };
  const { id, of, outputs, declared, gone } = await live(
    "D1Database",
    { name: "engine-db", readReplication },
    { readReplication: { mode: "auto" } },
  );
  const renamed = { ...declared, name: "other" };
  expect(await plugin.diff(of, id, outputs, renamed, declared)).toMatchObject({ replaces: ["name"] });
  await gone();
  expect(await plugin.read(of, id, outputs, declared)).toBeNull();
});

test("KV, queue and webhook live and change in place", async () => {
  await (await live("WorkersKvNamespace", { title: "engine-kv" }, { title: "engine-kv-2" })).gone();
  const settings = { messageRetentionPeriod: 86_400 };
  const queue = await live(
    "Queue",
    { queueName: "engine-queue", settings },
    { settings: { messageRetentionPeriod: 60 } },
  );
  expect(queue.outputs.queueId).toBe(queue.id);
  await queue.gone();
  const hook = { name: "hook", url: "https://prism.invalid/a", secret: "hush" };
  const { outputs, gone } = await live("NotificationPolicyWebhooks", hook, { url: "https://prism.invalid/b" });
  expect(outputs.secret).toBe("hush");
  await gone();
});

test("R2: a bucket with its lifecycle and lock", async () => {
  const bucket = await live("R2Bucket", { name: "engine-bucket" });
  const bucketName = "engine-bucket";
  const rule = { id: "old", enabled: true, conditions: { prefix: "" } };
  const after = (maxAge: number) => [{ ...rule, deleteObjectsTransition: { condition: { type: "Age", maxAge } } }];
  const lifecycle = await live("R2BucketLifecycle", { bucketName, rules: after(86_400) }, { rules: after(172_800) });
  const keep = [{ id: "keep", enabled: true, prefix: "p/", condition: { type: "Age", maxAgeSeconds: 60 } }];
  const lock = await live("R2BucketLock", { bucketName, rules: keep });
  await lock.gone();
  await lifecycle.gone();
  expect(await client.r2.buckets.locks.get(bucketName, { account_id: accountId })).toMatchObject({ rules: [] });
  await bucket.gone();
});

test("a Worker is deployed from nothing, and its secrets are in no answer of the API", async () => {
  const worker = await live(
    "Worker",
    { name: "engine-worker", observability: { enabled: true, headSamplingRate: 1 }, subdomain: { enabled: false } },
    { tags: ["a"] },
  );
  const code = "export default { fetch: (_, env) => new Response(env.GREETING), queue() {}, scheduled() {} };";
  const version = await live("WorkerVersion", {
    workerId: worker.id,
    mainModule: "worker.js",
    modules: [{ name: "worker.js", contentType: "application/javascript+module", contentBase64: btoa(code) }],
    compatibilityDate: "2026-11-01",
    bindings: [
      { type: "plain_text", name: "GREETING", text: "hello" },
      { type: "secret_text", name: "SECRET", text: "hush" },
    ],
    annotations: { workersTag: "v1" },
    limits: { cpuMs: 50 },
  });
  const shown = await client.get(`/accounts/${accountId}/workers/workers/${worker.id}/versions/${version.id}`);
  expect(JSON.stringify(shown)).toContain("workers/tag");
  expect(shown).toMatchObject({ result: { limits: { cpu_ms: 50 } } });
  expect(JSON.stringify(shown)).not.toContain("hush");
  const bindings = [{ type: "plain_text", name: "GREETING", text: "bye" }];
  const changed = { ...version.declared, bindings };
  expect(await plugin.diff(version.of, version.id, version.outputs, changed, version.declared)).toMatchObject({
    replaces: ["bindings"],
  });

  const scriptName = "engine-worker";
  const versions = [{ versionId: version.id, percentage: 100 }];
  const deployment = await live("WorkersDeployment", { scriptName, strategy: "percentage", versions });
  expect(deployment.id).not.toBe("");
  const every = (cron: string) => ({ schedules: [{ cron }] });
  const crons = await live("WorkersCronTrigger", { scriptName, ...every("7 * * * *") }, every("8 * * * *"));
  await client.workers.scripts.schedules.update(scriptName, { account_id: accountId, body: [] });
  expect((await plugin.read(crons.of, crons.id, crons.outputs, crons.declared))?.inputs).toEqual(crons.declared);
  const subdomain = await live("WorkersScriptSubdomain", { scriptName, enabled: true }, { enabled: false });
  const queue = await live("Queue", { queueName: "engine-work" });
  const consumer = await live(
    "QueueConsumer",
    { queueId: queue.id, type: "worker", scriptName, settings: { batchSize: 5 } },
    { settings: { batchSize: 6, maxRetries: 2 } },
  );
  for (const one of [consumer, queue, subdomain, crons, worker]) await one.gone();
  expect(await plugin.read(version.of, version.id, version.outputs, version.declared)).toBeNull();
});

test("an account token shows its value once, and state keeps it through a change", async () => {
  const { results } = (await plugin.invoke(GROUPS, { accountId })) as { results: { id: string; name: string }[] };
  const id = (name: string) => results.find((one) => one.name === name)?.id;
  const policies = (name: string) => [
    {
      effect: "allow",
      permissionGroups: [{ id: id(name) }],
      resources: JSON.stringify({ [`com.cloudflare.api.account.${accountId}`]: "*" }),
    },
  ];
  const token = await live("AccountToken", { name: "backup", policies: policies("D1 Read") });
  expect(token.outputs.value).toEqual(expect.any(String));
  const news = { ...token.declared, policies: policies("D1 Write") };
  const updated = await plugin.update(token.of, token.id, token.outputs, news);
  expect(updated).toMatchObject({ ...news, value: token.outputs.value });
  await token.gone();
});

test("Logpush and notification policies are declared with Pulumi's names and stored with the API's", async () => {
  await client.r2.buckets.create({ account_id: accountId, name: "engine-logs" });
  const job = await live(
    "LogpushJob",
    {
      name: "logs",
      dataset: "workers_trace_events",
      destinationConf: "r2://engine-logs/{DATE}?account-id=a&access-key-id=b&secret-access-key=c",
      outputOptions: { outputType: "ndjson", fieldNames: ["Logs"] },
    },
    { enabled: true },
  );
  await job.gone();
  const policy = await live("NotificationPolicy", {
    name: "r2",
    alertType: "billing_usage_alert",
    enabled: true,
    filters: { products: ["r2_storage"], limits: ["1"], healthCheckIds: ["h"], statuses: ["s"], zones: ["z"] },
    mechanisms: { emails: [{ id: "someone@prism.invalid" }] },
  });
  expect(await client.alerting.policies.get(policy.id, { account_id: accountId })).toMatchObject({
    filters: { product: ["r2_storage"], limit: ["1"], health_check_id: ["h"], status: ["s"], zones: ["z"] },
    mechanisms: { email: [{ id: "someone@prism.invalid" }] },
  });
  await policy.gone();
});

test("a refresh notices what was changed behind its back, and a removed property is a change", async () => {
  const { id, of, outputs, declared, gone } = await live("WorkersKvNamespace", { title: "engine-drift" });
  await client.kv.namespaces.update(id, { account_id: accountId, title: "renamed" });
  const drifted = await plugin.read(of, id, outputs, declared);
  expect(drifted?.inputs).toEqual({ ...declared, title: "renamed" });
  expect(await plugin.diff(of, id, drifted?.outputs ?? {}, declared, declared)).toMatchObject({ changed: ["title"] });
  const before = { ...declared, jurisdiction: "eu" };
  expect(await plugin.diff(of, id, { ...outputs, jurisdiction: "eu" }, declared, before)).toMatchObject({
    replaces: ["jurisdiction"],
  });
  await gone();
});

test("an import needs the id that the official provider documents", async () => {
  const { id, of, declared, gone } = await live("WorkersKvNamespace", { title: "engine-import" });
  expect((await plugin.read(of, `${accountId}/${id}`))?.inputs).toEqual(declared);
  await expect(plugin.read(of, "x")).rejects.toThrow(/not an id to import by.\nTry: <accountId>\/<id>/);
  await gone();
});

test("a preview changes nothing", async () => {
  const inputs = { accountId: UNKNOWN, title: "engine-preview" };
  expect(await plugin.create(urn("WorkersKvNamespace"), inputs, { preview: true })).toEqual({
    id: "",
    outputs: inputs,
  });
});

test("a zone's rules change in place, and the zone is part of an import's id", async () => {
  const zone = await client.zones.create({ account: { id: accountId }, name: "engine.example.com" });
  const rule = { ref: "r", action: "block", expression: "true", enabled: true };
  const firewall = { kind: "zone", name: "default", phase: "http_request_firewall_custom" };
  const inputs = { zoneId: zone.id, ...firewall, rules: [rule] };
  const of = urn("Ruleset");
  const { id, outputs } = await plugin.create(of, inputs);
  const news = { ...inputs, rules: [rule, { ...rule, ref: "s" }] };
  expect(await plugin.diff(of, id, outputs, news, inputs)).toMatchObject({ changed: ["rules"], replaces: [] });
  const updated = await plugin.update(of, id, outputs, news);
  expect((await plugin.read(of, `zones/${zone.id}/${id}`))?.inputs).toMatchObject(news);
  await plugin.delete(of, id, updated);
});

test("what the platform has not is checked, and refused with where it can be declared", async () => {
  const inputs = { zoneId: UNKNOWN, name: "api", type: "AAAA", ttl: 1, content: "100::" };
  expect((await plugin.check(urn("DnsRecord"), inputs)).failures).toEqual([]);
  await expect(plugin.create(urn("DnsRecord"), inputs)).rejects.toThrow(/on a real account only/);
});

test("the stand-in works on this machine only", async () => {
  const real = "https://api.cloudflare.com/client/v4";
  await expect(plugin.configure({ baseUrl: real }, "cloudflare")).rejects.toThrow(/for tests on the local platform/);
});

test.each(["free", "paid"])(
  "everything that the program declares on plan %s is what the package's types allow",
  async (plan) => {
    const zone = { id: "f".repeat(32), hostname: "api.example.com" };
    const { resources } = await runProgram({ config: { plan, zone } });
    const declared = resources.filter(({ type }) => type.startsWith("cloudflare:"));
    expect(declared.length).toBeGreaterThan(20);
    for (const { type, inputs, name } of declared) {
      expect([name, shapeFailures(types, types.resource(type).inputs, inputs)]).toEqual([name, []]);
      expect(Object.keys(NOUNS)).toContain(type);
    }
  },
);
