import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BUCKETS, CRONS, KV_NAMESPACES, QUEUES, SECRETS, SERVICE, VECTOR_INDEX } from "../infra/inventory.ts";
import { Registry } from "./registry.ts";
import { type SeedInputs, seed } from "./seed.ts";
import { VectorizeStore } from "./vectorize/store.ts";
import { liveDeployment } from "./workerd.ts";

let registry: Registry;
let vectorize: VectorizeStore;
let inputs: SeedInputs;
beforeEach(() => {
  registry = new Registry(":memory:");
  vectorize = new VectorizeStore(":memory:", { now: () => 0 });
  inputs = {
    registry,
    vectorize,
    bundle: "export default {}",
    secrets: Object.fromEntries(SECRETS.map((name) => [name, "secret"])) as SeedInputs["secrets"],
    embedding: { model: "@test/any-384", dimensions: 384 },
    variables: {},
    now_ms: 0,
  };
});
afterEach(() => {
  registry.close();
  vectorize.close();
});

test("an empty account gets everything the inventory names", () => {
  seed(inputs);
  expect(registry.list("d1")).toHaveLength(1);
  expect(registry.list("kv").map(({ title }) => title)).toEqual(Object.values(KV_NAMESPACES).map(({ name }) => name));
  expect(registry.list("r2").map(({ name }) => name)).toEqual(Object.values(BUCKETS).map(({ name }) => name));
  expect(registry.list("queue").map(({ queue_name }) => queue_name)).toEqual(
    Object.values(QUEUES).map(({ name }) => name),
  );
  expect(registry.get("script", SERVICE)?.schedules.map(({ cron }) => cron)).toEqual(Object.values(CRONS.worker));
  const [index] = vectorize.listIndexes();
  expect(index?.config).toMatchObject({ dimensions: 384, metric: VECTOR_INDEX.metric });
});

test("seeding again changes nothing, not even a version", () => {
  seed(inputs);
  const before = ["d1", "kv", "r2", "queue", "script", "version", "deployment"].map((kind) =>
    registry.list(kind as "d1"),
  );
  seed({ ...inputs, now_ms: 1_000 });
  const after = ["d1", "kv", "r2", "queue", "script", "version", "deployment"].map((kind) =>
    registry.list(kind as "d1"),
  );
  expect(after).toEqual(before);
});

test("a newer bundle, and other variables, become a new version that is live", () => {
  seed(inputs);
  seed({ ...inputs, bundle: "export default { newer: 1 }" });
  seed({ ...inputs, bundle: "export default { newer: 1 }", variables: { LOG_LEVEL: "DEBUG" } });
  const versions = registry.list("version");
  expect(versions.map(({ number }) => number)).toEqual([1, 2, 3]);
  expect(liveDeployment(registry, SERVICE)?.versions).toEqual([{ version_id: versions[2]?.id, percentage: 100 }]);
});

test("what was deployed through the API on purpose is left alone", () => {
  seed(inputs);
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
  seed({ ...inputs, bundle: "export default { newer: 1 }" });
  expect(liveDeployment(registry, SERVICE)?.id).toBe(id);
  expect(registry.list("d1")).toEqual([]);
});

test("a model of other dimensions is refused, naming both and the ways out", () => {
  seed(inputs);
  expect(() => seed({ ...inputs, embedding: { model: "@test/any-768", dimensions: 768 } })).toThrow(
    /384 dimensions but @test\/any-768 gives 768.*--data/s,
  );
});
