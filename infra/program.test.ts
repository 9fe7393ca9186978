import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { bindingRows } from "./binding-table.ts";
import { workerBindings } from "./bindings.ts";
import {
  BUCKETS,
  CRONS,
  DATABASE,
  DURABLE_OBJECTS,
  KV_NAMESPACES,
  QUEUES,
  SECRETS,
  SERVICE,
  STACKS,
  TRACES,
  VECTOR_INDEX,
  WATCHDOG,
} from "./inventory.ts";
import { PLANS } from "./limits.ts";
import { stackOutputs } from "./outputs.ts";
import { isDataStore } from "./policy/data-stores.ts";
import { ACCOUNT_ID, type Program, runProgram, secretOf, ZONE } from "./program.fixture.ts";
import type { DeclaredResource } from "./program-monitor.ts";

/** The bundle of today's source instead of the fixture's. */
const BUILT = { bundle: undefined };
const programs = new Map<string, Program>();
const program = (key: string): Program => {
  const found = programs.get(key);
  if (!found) throw new Error(`no program ${key}`);
  return found;
};

beforeAll(async () => {
  for (const stack of STACKS) programs.set(stack, await runProgram({ stack, config: BUILT }));
  programs.set(
    "paid",
    await runProgram({
      config: {
        ...BUILT,
        plan: "paid",
        cpuMs: 50,
        zone: ZONE,
        telemetryDestinations: { traces: ["tempo"], logs: ["loki"] },
      },
    }),
  );
});

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const everyProgram = [...STACKS, "paid"];
const inputs = (resource: DeclaredResource) => resource.inputs as Record<string, never>;

describe.each(everyProgram)("stack %s", (key) => {
  test("declares every noun of the inventory by its name", () => {
    const { resources } = program(key);
    const names = new Set(resources.map(({ name }) => name));
    const stores = [KV_NAMESPACES, BUCKETS, QUEUES].flatMap((nouns) => Object.values(nouns).map(({ name }) => name));
    for (const name of [...stores, `${DATABASE.name}-g1`, `${VECTOR_INDEX.name}-g1`, SERVICE])
      expect(names).toContain(name);
  });

  test("no name is declared twice, and staging carries its suffix everywhere", () => {
    const { resources } = program(key);
    expect(new Set(resources.map(({ name }) => name)).size).toBe(resources.length);
    const visible = resources.flatMap(({ inputs }) =>
      [inputs.queueName, inputs.title].filter((name) => name !== undefined),
    );
    for (const name of visible) expect(String(name).endsWith("-staging")).toBe(key === "staging");
  });

  test("protects every data store from replacement and deletion, and from a lost declaration", () => {
    const stores = program(key).resources.filter(({ type }) => isDataStore(type));
    expect(stores.length).toBeGreaterThan(10);
    for (const { name, protect, retain_on_delete } of stores)
      expect([name, protect, retain_on_delete]).toEqual([name, true, true]);
  });

  test("binds exactly what the inventory lists", () => {
    const bound = program(key).named(`${SERVICE}-version`).inputs.bindings;
    const expected = workerBindings({
      stack: key === "paid" ? "production" : (key as (typeof STACKS)[number]),
      database_id: `${DATABASE.name}-g1-id`,
      kv_ids: { cache: `${KV_NAMESPACES.cache.name}-id`, config: `${KV_NAMESPACES.config.name}-id` },
      vector_generation: 1,
      // The Worker judges what it uses by what the account pays for.
      variables: { PLAN: key === "paid" ? "paid" : "free" },
      secrets: Object.fromEntries(SECRETS.map((name) => [name, secretOf(name)])) as Record<
        (typeof SECRETS)[number],
        string
      >,
    });
    // In Cloudflare's own spelling again, so that a wrong translation cannot agree with itself.
    const respelled = (bound as Record<string, unknown>[]).map((binding) =>
      Object.fromEntries(Object.entries(binding).map(([key, value]) => [snakeCase(key), value])),
    );
    expect(respelled).toEqual(expected.toSorted((a, b) => (a.name < b.name ? -1 : 1)));
  });

  test("outputs what ops parses, with every credential secret", () => {
    const { outputs, secret_outputs } = program(key);
    expect(stackOutputs.parse(outputs)).toEqual(outputs);
    expect(secret_outputs.sort()).toEqual(
      [
        "api_secret",
        ...["backup", "reports", "restore"].map((job) => `s3.credentials.${job}.secret_access_key`),
        ...["backup", "deploy", "reports", "restore"].map((job) => `tokens.${job}`),
      ].sort(),
    );
  });

  test("no secret stands in an input that is not secret", () => {
    const texts = [...SECRETS.map(secretOf), "value-of-"];
    for (const { name, inputs, secret_inputs } of program(key).resources)
      for (const [property, value] of Object.entries(inputs)) {
        const leaked = texts.filter((text) => JSON.stringify(value).includes(text));
        if (!secret_inputs.includes(property)) expect([name, property, leaked]).toEqual([name, property, []]);
      }
    for (const version of program(key).all("WorkerVersion"))
      expect(version.additional_secret_outputs).toContain("bindings");
  });

  test("the database says that it has no read replicas", () => {
    for (const database of program(key).all("D1Database"))
      expect(database.inputs.readReplication).toEqual({ mode: "disabled" });
  });

  test("a version is never deleted, nor the deployment that serves", () => {
    const kept = [...program(key).all("WorkerVersion"), ...program(key).all("WorkersDeployment")];
    for (const { retain_on_delete } of kept) expect(retain_on_delete).toBe(true);
  });

  test("consumers and crons wait for the deployment", () => {
    for (const resource of [...program(key).all("QueueConsumer"), program(key).named(`${SERVICE}-crons`)])
      expect(resource.depends_on).toContain(`${SERVICE}-deployment`);
  });

  test("consumers have the inventory's settings, in Cloudflare's units", () => {
    const { consumer, dead_letter } = QUEUES.ingest;
    const { settings, deadLetterQueue } = inputs(program(key).named(`${QUEUES.ingest.name}-consumer`));
    expect(settings).toEqual({
      batchSize: consumer.max_batch_size,
      maxWaitTimeMs: consumer.max_batch_timeout_s * 1000,
      maxRetries: consumer.max_retries,
      retryDelay: consumer.retry_delay_s,
      maxConcurrency: consumer.max_concurrency,
    });
    expect(deadLetterQueue).toBe(key === "staging" ? `${dead_letter}-staging` : dead_letter);
  });

  test("the version creates the Durable Object classes declaratively and carries the bundle with its source map", () => {
    const version = inputs(program(key).named(`${SERVICE}-version`));
    // Outputs come back with their keys sorted.
    const classes = Object.values(DURABLE_OBJECTS).map((object) => object.class);
    expect(Object.keys(version.exports ?? {}).sort()).toEqual(classes.sort());
    expect(version).not.toHaveProperty("migrations");
    const modules = version.modules as unknown as { name: string; contentFile: string }[];
    expect(modules.map(({ name }) => name)).toEqual(["worker.js", "worker.js.map"]);
    const code = readFileSync(resolve(import.meta.dirname, modules[0]?.contentFile ?? ""), "utf8");
    expect(code).toContain("export{");
    expect(code.trimEnd().endsWith("//# sourceMappingURL=worker.js.map")).toBe(true);
  });

  test("the vector index gets its metadata indexes with itself", () => {
    const { dimensions, metric, metadataIndexes, forceDestroy } = inputs(program(key).named(`${VECTOR_INDEX.name}-g1`));
    expect([dimensions, metric, metadataIndexes]).toEqual([384, "cosine", VECTOR_INDEX.metadata_indexes]);
    expect(forceDestroy).toBeUndefined();
  });
});

describe("both plans", () => {
  test("the free plan has no Logpush, no CPU limit, and no token for logs", () => {
    const free = program("production");
    expect(free.all("LogpushJob")).toEqual([]);
    expect(free.outputs.logpush_job_id).toBeNull();
    expect(free.named(SERVICE).inputs.logpush).toBe(false);
    expect(free.named(`${SERVICE}-version`).inputs).not.toHaveProperty("limits");
    expect(free.all("AccountToken").map(({ name }) => name)).not.toContain(`${SERVICE}-token-logpush`);
  });

  test("the paid plan pushes logs to R2 with credentials derived from a declared token", () => {
    const paid = program("paid");
    expect(paid.named(`${SERVICE}-version`).inputs.limits).toEqual({ cpuMs: 50 });
    expect(paid.named(SERVICE).inputs.logpush).toBe(true);
    const job = paid.named(`${SERVICE}-logpush`);
    const secretKey = createHash("sha256").update(`value-of-${SERVICE}-token-logpush`).digest("hex");
    expect(job.inputs.destinationConf).toBe(
      `r2://${BUCKETS.logs.name}/workers/{DATE}?account-id=${ACCOUNT_ID}` +
        `&access-key-id=${SERVICE}-token-logpush-id&secret-access-key=${secretKey}`,
    );
    expect(job.secret_inputs).toContain("destinationConf");
    expect(job.inputs.dataset).toBe("workers_trace_events");
  });

  test("traces are kept and exported on the paid plan, of the watchdog as well, and are off on the free one", () => {
    for (const worker of [SERVICE, WATCHDOG.name]) {
      expect(program("production").named(worker).inputs.observability).toEqual({
        enabled: true,
        headSamplingRate: 1,
        logs: { enabled: true, invocationLogs: true, destinations: [] },
        traces: { enabled: false, destinations: [] },
      });
      expect(program("paid").named(worker).inputs.observability).toEqual({
        enabled: true,
        headSamplingRate: 1,
        logs: { enabled: true, invocationLogs: true, destinations: ["loki"] },
        traces: { enabled: true, headSamplingRate: TRACES.head_sampling_rate, destinations: ["tempo"] },
      });
    }
  });

  test("production, staging and the watchdog together keep to the free plan's cron triggers", () => {
    const triggers = (["production", "staging"] as const).flatMap((stack) =>
      program(stack)
        .all("WorkersCronTrigger")
        .flatMap((trigger) => trigger.inputs.schedules as { cron: string }[]),
    );
    expect(triggers.length).toBe(4);
    expect(triggers.length).toBeLessThanOrEqual(PLANS.free.crons_max);
    expect(program("staging").outputs.worker.crons).toEqual([CRONS.worker.checks]);
  });
});

test("the table of bindings names resources that exist and are protected as it says", () => {
  for (const { binding, resource, protection } of bindingRows()) {
    if (resource === null) continue;
    const { protect, retain_on_delete } = program("production").named(resource);
    expect([binding, protect, retain_on_delete]).toEqual([
      binding,
      protection.includes("`protect`"),
      protection.includes("`retainOnDelete`"),
    ]);
  }
});

test("the same source and configuration declare the same thing twice", async () => {
  const again = await runProgram({ config: BUILT });
  expect(new Map(again.resources.map(({ name, inputs }) => [name, inputs]))).toEqual(
    new Map(program("production").resources.map(({ name, inputs }) => [name, inputs])),
  );
});
