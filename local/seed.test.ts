import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ACCOUNT_ALERTS } from "../infra/account-alerts.ts";
import { LOCK_RULES, lifecycleRules } from "../infra/bucket-rules.ts";
import { BUCKETS, CRONS, KV_NAMESPACES, QUEUES, SECRETS, SERVICE, VECTOR_INDEX } from "../infra/inventory.ts";
import { nounKeys } from "../infra/nouns.ts";
import { AiService } from "./ai/service.ts";
import { FrontProxy } from "./front-proxy.ts";
import { Registry, type ResourceKind } from "./registry.ts";
import { restApi } from "./rest/api.ts";
import { QueueBroker } from "./rest/queue-broker.ts";
import { QueueStore } from "./rest/queue-store.ts";
import { Runtime } from "./runtime.ts";
import { type SeedInputs, seed } from "./seed.ts";
import { AnalyticsPoints } from "./telemetry/analytics-points.ts";
import { LogStore } from "./telemetry/log-store.ts";
import { TailSessions } from "./telemetry/tail-sessions.ts";
import { TimeTravel } from "./time-travel.ts";
import { vectorizeRest } from "./vectorize/rest.ts";
import { VectorizeStore } from "./vectorize/store.ts";
import { liveDeployment } from "./workerd.ts";

let registry: Registry;
let vectorize: VectorizeStore;
let inputs: SeedInputs;
let clock_ms = 0;
let close: () => Promise<void>;
/** The platform's API as it is before workerd runs. */
beforeEach(() => {
  const dir = mkdtempSync(join(tmpdir(), "prism-seed-"));
  const now = () => clock_ms;
  clock_ms = 0;
  registry = new Registry(":memory:");
  vectorize = new VectorizeStore(":memory:", { now });
  const deliver = () => Promise.reject(new Error("nothing runs"));
  const queues = new QueueBroker({ registry, store: new QueueStore(":memory:"), deliver, now });
  const services = { node: "", faults: () => new Response() };
  const engine = new Runtime(
    "a".repeat(32),
    {
      ...{
        registry,
        persist_dir: dir,
        services,
        gateway_secret: "secret",
        bucket_secret: "secret",
        with_shim: false,
        extra_workers: [],
      },
      on_log: () => {},
    },
    new FrontProxy(Math.random),
    now,
  );
  const timeTravel = new TimeTravel({ engine, dir });
  const points = new AnalyticsPoints(":memory:", now);
  const tails = new TailSessions(now, Math.random);
  const logs = new LogStore(":memory:", { account_id: engine.account_id, now, plan: "free" });
  const token = "token-of-the-tests";
  const tokens = () => [{ id: "0".repeat(32), value: token }];
  inputs = {
    api: restApi({
      ai: new AiService(null),
      engine,
      vectorize: vectorizeRest(vectorize),
      tokens,
      timeTravel,
      queues,
      logs,
      tails,
      points,
      budget: false,
    }),
    token,
    account_id: engine.account_id,
    url: "http://127.0.0.1:1",
    bundle: "export default {}",
    secrets: Object.fromEntries(SECRETS.map((name) => [name, "secret"])) as SeedInputs["secrets"],
    embedding: { model: "@test/any-384", dimensions: 384 },
    variables: {},
  };
  close = async () => {
    await timeTravel.close();
    await queues.close();
    logs.close();
    points.close();
    registry.close();
    vectorize.close();
    rmSync(dir, { recursive: true });
  };
});
afterEach(() => close());

const KINDS: ResourceKind[] = [
  "d1",
  "kv",
  "r2",
  "queue",
  "script",
  "version",
  "deployment",
  "alert_webhook",
  "alert_policy",
];
const everything = () => KINDS.map((kind) => registry.list(kind));

test("an empty account gets everything the inventory names, under the rules that the program declares", async () => {
  await seed(inputs);
  expect(registry.list("d1")).toHaveLength(1);
  expect(registry.list("kv").map(({ title }) => title)).toEqual(Object.values(KV_NAMESPACES).map(({ name }) => name));
  expect(registry.list("r2").map(({ name }) => name)).toEqual(Object.values(BUCKETS).map(({ name }) => name));
  for (const noun of nounKeys(BUCKETS))
    expect(registry.get("r2", BUCKETS[noun].name)?.lifecycle_rules).toEqual(lifecycleRules(noun));
  for (const { bucket, rules } of LOCK_RULES)
    expect(registry.get("r2", BUCKETS[bucket].name)?.lock_rules).toEqual(rules);
  expect(registry.list("queue").map(({ queue_name }) => queue_name)).toEqual(
    Object.values(QUEUES).map(({ name }) => name),
  );
  expect(registry.get("script", SERVICE)?.schedules.map(({ cron }) => cron)).toEqual(Object.values(CRONS.worker));
  const [index] = vectorize.listIndexes();
  expect(index?.config).toMatchObject({ dimensions: 384, metric: VECTOR_INDEX.metric });
});

test("seeding again changes nothing, not even a version", async () => {
  await seed(inputs);
  const before = everything();
  clock_ms = 1000;
  await seed(inputs);
  expect(everything()).toEqual(before);
});

test("a platform that answers elsewhere today is told of alerts there", async () => {
  await seed(inputs);
  await seed({ ...inputs, url: "http://127.0.0.1:2" });
  expect(registry.list("alert_webhook")).toMatchObject([{ url: "http://127.0.0.1:2/api/v1/alerts/cloudflare" }]);
  expect(registry.list("alert_policy")).toHaveLength(ACCOUNT_ALERTS.length);
});

test("a newer bundle, and other variables, become a new version that is live", async () => {
  await seed(inputs);
  await seed({ ...inputs, bundle: "export default { newer: 1 }" });
  await seed({ ...inputs, bundle: "export default { newer: 1 }", variables: { LOG_LEVEL: "DEBUG" } });
  const versions = registry.list("version");
  expect(versions.map(({ number }) => number)).toEqual([1, 2, 3]);
  expect(liveDeployment(registry, SERVICE)?.versions).toEqual([{ version_id: versions[2]?.id, percentage: 100 }]);
});

test("what was deployed through the API on purpose is left alone", async () => {
  await seed(inputs);
  const [version] = registry.list("version");
  const id = randomUUID();
  registry.put("deployment", id, {
    id,
    script_name: SERVICE,
    created_on: new Date(0).toISOString(),
    source: "api",
    strategy: "percentage",
    versions: [{ version_id: version?.id ?? "", percentage: 100 }],
    annotations: {},
  });
  registry.delete("d1", registry.list("d1")[0]?.uuid ?? "");
  await seed({ ...inputs, bundle: "export default { newer: 1 }" });
  expect(liveDeployment(registry, SERVICE)?.id).toBe(id);
  expect(registry.list("d1")).toEqual([]);
});

test("a model of other dimensions is refused, naming both and the ways out", async () => {
  await seed(inputs);
  await expect(seed({ ...inputs, embedding: { model: "@test/any-768", dimensions: 768 } })).rejects.toThrow(
    /384 dimensions but @test\/any-768 gives 768.*--data/s,
  );
});
