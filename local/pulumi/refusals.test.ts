import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type ApiFront, startFront } from "../../infra/provider/api-front.fixture.ts";
import type { Plugin, Properties } from "../../infra/provider/plugin.ts";
import { type RestUnderTest, startRest } from "../rest/rest-server.fixture.ts";
import { PackageTypes } from "./package-types.ts";
import { cloudflareStandIn } from "./stand-in-provider.ts";

const OWNER = { id: "0".repeat(32), value: "may-do-everything" };
const READER = { id: "1".repeat(32), value: "may-read-databases", scopes: ["d1:read"] };

const types = new PackageTypes();
let api: RestUnderTest;
let front: ApiFront;
let account: { accountId: string };
let zoneId: string;
beforeAll(async () => {
  api = await startRest({ tokens: [OWNER, READER] });
  front = await startFront(api.url);
  account = { accountId: api.account_id };
  zoneId = (await api.client.zones.create({ account: { id: api.account_id }, name: "example.com" })).id;
  await api.client.r2.buckets.create({ account_id: api.account_id, name: "logs" });
});
afterAll(async () => {
  front?.close();
  await api?.close();
});
afterEach(() => {
  front.rules = [];
});

function provider(token = OWNER): Plugin {
  const plugin = cloudflareStandIn(types, { CLOUDFLARE_API_TOKEN: token.value, CLOUDFLARE_BASE_URL: front.url });
  plugin.configure({});
  return plugin;
}
const signal = new AbortController().signal;
const create = (type: string, inputs: Properties, plugin = provider()) => {
  const token = types.tokens().find((one) => one.endsWith(`:${type}`));
  return plugin.create({ urn: `urn:pulumi:test::prism::${token}::it`, inputs, preview: false, timeout_ms: 0, signal });
};

const database = (name: string) => ({ ...account, name, readReplication: { mode: "disabled" } });
const FIREWALL = { kind: "zone", name: "default", phase: "http_request_firewall_custom", rules: [] };

test.each([
  ["D1Database", "D1 Write", () => database("refused")],
  ["WorkersKvNamespace", "Workers KV Storage Write", () => ({ ...account, title: "refused" })],
  ["R2Bucket", "Workers R2 Storage Write", () => ({ ...account, name: "refused" })],
  ["Queue", "Queues Write", () => ({ ...account, queueName: "refused" })],
  ["Worker", "Workers Scripts Write", () => ({ ...account, name: "refused" })],
  ["Ruleset", "Zone WAF Write", () => ({ zoneId, ...FIREWALL })],
])("a token without the scope for %s is told that it lacks %s", async (type, permission, inputs) => {
  await expect(create(type, inputs(), provider(READER))).rejects.toThrow(
    new RegExp(`: 403: .*code 10000.*\nTry: give the token the permission "${permission}".*ops -- bootstrap`),
  );
});

test.each([
  ["D1Database", 7502, () => database("taken")],
  ["WorkersKvNamespace", 10014, () => ({ ...account, title: "taken" })],
  ["R2Bucket", 10004, () => ({ ...account, name: "taken" })],
  ["Queue", 11009, () => ({ ...account, queueName: "taken" })],
  ["Worker", 10040, () => ({ ...account, name: "taken" })],
  ["Ruleset", 20217, () => ({ zoneId, ...FIREWALL })],
])(
  "a name that is taken for %s is answered with code %i and the command that takes it over",
  async (type, code, inputs) => {
    await create(type, inputs());
    await expect(create(type, inputs())).rejects.toThrow(new RegExp(`code ${code}.*\nTry: .*ops -- adopt`));
  },
);

const destinationConf = "r2://logs/x?account-id=a&access-key-id=b&secret-access-key=c";
test.each([
  ["LogpushJob", () => ({ ...account, dataset: "workers_trace_events", destinationConf })],
  ["Healthcheck", () => ({ zoneId, name: "prism", address: "api.example.com" })],
  [
    "NotificationPolicy",
    () => ({ ...account, name: "n", alertType: "failing_logpush_job_disabled_alert", enabled: true, mechanisms: {} }),
  ],
  [
    "Ruleset",
    () => ({ zoneId, ...FIREWALL, phase: "http_ratelimit", rules: [{ ref: "r", expression: "true", ...LONG_LIMIT }] }),
  ],
])("what the free plan lacks, such as a %s, is refused with the setting that leaves it out", async (type, inputs) => {
  await expect(create(type, inputs())).rejects.toThrow(/\nTry: .*pulumi config set prism:plan free.*subscribe/);
});
const LONG_LIMIT = {
  action: "block",
  ratelimit: { characteristics: ["ip.src"], period: 60, requestsPerPeriod: 9, mitigationTimeout: 60 },
};

test("a CPU limit on the free plan, and a sixth cron trigger, are refused with what to change", async () => {
  const { id: workerId } = await create("Worker", { ...account, name: "limited" });
  const module = {
    name: "w.js",
    contentType: "application/javascript+module",
    contentBase64: "ZXhwb3J0IGRlZmF1bHQge30=",
  };
  const version = { ...account, workerId, mainModule: "w.js", modules: [module], compatibilityDate: "2026-11-01" };
  await expect(create("WorkerVersion", { ...version, limits: { cpuMs: 50 } })).rejects.toThrow(
    /code 100328.*\nTry: .*prism:plan free/,
  );
  const schedules = ["1", "2", "3", "4", "5", "6"].map((minute) => ({ cron: `${minute} * * * *` }));
  await expect(create("WorkersCronTrigger", { ...account, scriptName: "limited", schedules })).rejects.toThrow(
    /code 10072.*\nTry: remove Cron Triggers of other Workers/,
  );
});

test.each([
  [429, 971, /429: slow down.*\nTry: wait five minutes/],
  [500, 10000, /500: slow down.*\nTry: look at https:\/\/www.cloudflarestatus.com/],
])(
  "an API that answers %i is named with what to do, and the same declaration succeeds afterwards",
  async (status, code, message) => {
    front.rules = [{ method: "POST", path: "/d1/database", answer: { status, code, message: "slow down" } }];
    const inputs = database(`after-${status}`);
    await expect(create("D1Database", inputs)).rejects.toThrow(message);
    front.rules = [];
    expect((await create("D1Database", inputs)).outputs).toMatchObject(inputs);
  },
);

test("a platform that is not there is named with the setting to check", async () => {
  const gone = cloudflareStandIn(types, { CLOUDFLARE_API_TOKEN: "t", CLOUDFLARE_BASE_URL: "http://127.0.0.1:9" });
  gone.configure({});
  await expect(create("Queue", { ...account, queueName: "q" }, gone)).rejects.toThrow(/\nTry: .*CLOUDFLARE_BASE_URL/);
});
