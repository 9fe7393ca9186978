import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WATCHDOG } from "../../infra/inventory.ts";
import { createCloudflare } from "../../ops/cloudflare/api.ts";
import type { Cloudflare } from "../../ops/cloudflare/official.ts";
import { mainVersion, workerVersions } from "../../ops/cloudflare/worker-versions.ts";
import { runCli } from "../../ops/command/run-cli.fixture.ts";
import type { PlannedStep, StackDriver } from "../../ops/stack/driver.ts";
import { type Platform, startPlatform } from "../platform.ts";
import { localDriver } from "./local-driver.ts";

const { signal } = new AbortController();

let folder: string;
let platform: Platform;
let driver: StackDriver;
let client: Cloudflare;
let account: { account_id: string };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "driver-"));
  platform = await startPlatform({ data_dir: folder, api_budget: false });
  account = { account_id: platform.account_id };
  driver = localDriver({ data_dir: folder, platform, signal });
  client = createCloudflare(
    { api_url: platform.api_url, account_id: platform.account_id, token: platform.api_token },
    { signal },
  );
});
afterAll(async () => {
  await platform?.close();
  rmSync(folder, { recursive: true, force: true });
});

const differing = (steps: readonly PlannedStep[]) =>
  steps.filter(({ kind }) => kind !== "same").map(({ kind, name, changed }) => ({ kind, name, changed }));
const names = (steps: readonly PlannedStep[]) => steps.map(({ kind, name }) => `${kind} ${name}`).sort();
const up = async () => {
  const steps: PlannedStep[] = [];
  const outputs = await driver.up((step) => steps.push(step));
  return { outputs, steps };
};
/** Values that no report, plan or message may hold. */
const secretTexts = () => {
  const { secrets, token } = JSON.parse(readFileSync(join(folder, "identity.json"), "utf8"));
  return [token.value, ...Object.values(secrets)].filter(
    (text): text is string => typeof text === "string" && text !== "",
  );
};
const ops = async (...args: string[]) => {
  const run = await runCli([...args, "--data", folder]);
  for (const text of secretTexts()) expect(run.stdout + run.stderr).not.toContain(text);
  return run;
};

test("a stack that was never deployed has no drift to tell", async () => {
  const { code, stderr } = await ops("drift");
  expect(code).toBe(1);
  expect(stderr).toMatch(/never deployed.*Try: npm run ops -- deploy/s);
});

test("a watchdog is declared where one runs on the platform", async () => {
  expect(await driver.getConfig("watchdog")).toBeUndefined();
  await client.workers.beta.workers.create({ ...account, name: WATCHDOG.name });
  expect(await driver.getConfig("watchdog")).toBe(true);
  await client.workers.beta.workers.delete(WATCHDOG.name, account);
});

test("what the platform was seeded with can be listed for an import", async () => {
  const list = join(folder, "import.json");
  const { code, stdout } = await ops("adopt", "--json", "--out", list);
  expect(code).toBe(0);
  const { resources, by_hand } = JSON.parse(stdout);
  const ids = Object.fromEntries(resources.map(({ name, id }: { name: string; id: string }) => [name, id]));
  const { account_id } = platform;
  expect(ids).toMatchObject({
    "prism-db-g1": expect.stringMatching(new RegExp(`^${account_id}/[0-9a-f-]{36}$`)),
    "prism-chunks-g1": `${account_id}/prism-chunks-g1`,
    "prism-cache": expect.stringMatching(new RegExp(`^${account_id}/[0-9a-f]{32}$`)),
    "prism-audit": `${account_id}/prism-audit/default`,
    "prism-crons": `${account_id}/prism`,
  });
  expect(by_hand.map(({ name }: { name: string }) => name).sort()).toEqual([
    "prism-ingest-consumer",
    "prism-ingest-dead-consumer",
  ]);
  expect(JSON.parse(readFileSync(list, "utf8"))).toEqual({ resources });
});

test("a seeded platform shows no step but versions and tokens", async () => {
  const { steps } = await driver.preview();
  expect(names(steps.filter(({ kind }) => kind !== "same"))).toEqual(
    [
      ...["backup", "deploy", "reports", "restore"].map((job) => `create prism-token-${job}`),
      "create prism-version",
      "replace prism-deployment",
    ].sort(),
  );
});

test("the first deployment takes over the seeded stores and changes none of them; the second does nothing", async () => {
  const { steps: planned } = await driver.preview();
  const { outputs, steps } = await up();
  expect(names(steps)).toEqual(names(planned));
  const stores = /(D1Database|VectorizeIndex|WorkersKvNamespace|R2Bucket|Queue)$/;
  for (const { type, kind } of steps) if (stores.test(type)) expect([type, kind]).toEqual([type, "same"]);
  expect(outputs).toMatchObject({ stack: "local", url: platform.url, database: { live: 1 } });
  expect(await driver.outputs()).toEqual(outputs);
  expect(await (await fetch(`${platform.url}/health`)).json()).toMatchObject({ version: outputs.worker.version_id });

  expect(differing((await up()).steps)).toEqual([]);
  expect(await driver.unmanaged()).toEqual([]);
});

test("what was changed behind its back is drift, and what is gone is missing", async () => {
  expect((await driver.drift()).filter(({ state }) => state !== "unchanged")).toEqual([]);
  await client.workers.scripts.schedules.update("prism", { ...account, body: [{ cron: "1 1 * * *" }] });
  const { queues } = await driver.outputs();
  for await (const { consumer_id } of client.queues.consumers.list(queues.dead.id, account))
    await client.queues.consumers.delete(consumer_id ?? "", { ...account, queue_id: queues.dead.id });
  // A pause, and dead letters that go nowhere, are seen by no refresh.
  await client.queues.edit(queues.ingest.id, { ...account, settings: { delivery_paused: true, delivery_delay: 600 } });
  for await (const consumer of client.queues.consumers.list(queues.ingest.id, account))
    await client.queues.consumers.update(consumer.consumer_id ?? "", {
      ...{ ...account, queue_id: queues.ingest.id, type: "worker", script_name: "prism" },
      settings: consumer.settings ?? {},
    });

  const { code, stdout } = await ops("drift", "--json");
  const report = JSON.parse(stdout);
  expect(code).toBe(1);
  expect(report).toMatchObject({ stack: "local", state: "drifted", counts: { drifted: 3, missing: 1 } });
  expect(report.resources.filter(({ state }: { state: string }) => state !== "unchanged")).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ name: "prism-crons", state: "drifted", changed: ["schedules"] }),
      expect.objectContaining({ name: "prism-ingest", state: "drifted", changed: ["settings"] }),
      expect.objectContaining({ name: "prism-ingest-consumer", state: "drifted", changed: ["deadLetterQueue"] }),
      expect.objectContaining({ name: "prism-ingest-dead-consumer", state: "missing", changed: [] }),
    ]),
  );
});

test("the next deployment puts drift right and makes what the configuration adds, and touches nothing else", async () => {
  await driver.setConfig({ "variables.LOG_LEVEL": "DEBUG", "database.generations": [1, 2] });
  expect(await driver.getConfig("variables.LOG_LEVEL")).toBe("DEBUG");
  const { steps, outputs } = await up();
  expect(differing(steps).sort((a, b) => a.name.localeCompare(b.name))).toEqual([
    { kind: "create", name: "prism-db-g2", changed: [] },
    { kind: "replace", name: "prism-deployment", changed: ["versions"] },
    { kind: "create", name: "prism-ingest-dead-consumer", changed: [] },
    { kind: "replace", name: "prism-version", changed: expect.arrayContaining(["bindings"]) },
  ]);
  const versions = client.workers.beta.workers.versions;
  const { bindings } = await versions.get(outputs.worker.version_id, { ...account, worker_id: "prism" });
  expect(bindings).toContainEqual(expect.objectContaining({ name: "LOG_LEVEL", text: "DEBUG" }));
});

test("what no `up` sees, such as a lost cron trigger or a rollback by other means, is told and put right by a deployment", {
  timeout: 600_000,
}, async () => {
  const { worker } = await driver.outputs();
  const versions = workerVersions(client, account.account_id, worker.name);
  const before = (await versions.deployments()).map(mainVersion).find((id) => id !== worker.version_id) ?? "";
  await versions.deploy([{ version_id: before, percentage: 100 }]);
  expect(differing((await driver.preview()).steps)).toEqual([]);
  expect((await driver.drift()).filter(({ state }) => state !== "unchanged")).toEqual([]);
  const told = JSON.parse((await ops("drift", "--json")).stdout);
  expect(told.resources).toContainEqual(expect.objectContaining({ name: "prism-deployment", changed: ["versions"] }));
  const plan = JSON.parse((await ops("deploy", "--dry-run", "--json")).stdout);
  expect(plan).toMatchObject({ steps: [], nothing_to_do: false });
  expect(plan.out_of_sight.toSorted()).toEqual([
    expect.stringMatching(/^cron triggers of prism: .*is missing.*1 1 \* \* \* is not declared/),
    expect.stringContaining("dead letters of prism-ingest go to no queue, declared is prism-ingest-dead"),
    "queue prism-ingest is paused, delays every message by 600 s",
    `traffic of prism goes to version ${before} (100 %), declared is version ${worker.version_id} (100 %)`,
  ]);
  expect(await ops("deploy", "--at-once", "--watch", "1s")).toMatchObject({ code: 0 });
  expect((await versions.deployments())[0]).toMatchObject({
    versions: [{ version_id: worker.version_id, percentage: 100 }],
  });
  expect(await ops("drift")).toMatchObject({ code: 0, stdout: expect.stringContaining("are as they were deployed.") });
});

test("a store that would be replaced or deleted is planned as such and refused, and nothing is lost", async () => {
  await driver.setConfig({
    vectors: { live: 1, generations: [{ generation: 1, dimensions: 8 }] },
    database: undefined,
  });
  const { steps } = await driver.preview();
  expect(steps).toContainEqual({
    kind: "replace",
    type: "vectorize:index:VectorizeIndex",
    name: "prism-chunks-g1",
    changed: ["dimensions"],
    protected: true,
  });
  expect(steps).toContainEqual(expect.objectContaining({ kind: "delete", name: "prism-db-g2", protected: true }));
  await expect(driver.up()).rejects.toMatchObject({
    exit_code: 3,
    parts: { subject: "prism-chunks-g1", hint: expect.stringContaining("prism:waivers") },
  });
  await driver.setConfig({ vectors: undefined });
  await expect(driver.up()).rejects.toMatchObject({ exit_code: 3, parts: { subject: "prism-db-g2" } });
});

test("a waiver lets a generation go, one deployment after it was written down", async () => {
  const expires = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
  const waivers = [{ resource: "prism-db-g2", reason: "the undo window is over", expires }];
  await driver.setConfig({ "database.generations": [1, 2], waivers });
  await up();
  await driver.setConfig({ database: undefined, waivers: undefined });
  expect(differing((await up()).steps)).toEqual([{ kind: "delete", name: "prism-db-g2", changed: [] }]);
  const databases: (string | undefined)[] = [];
  for await (const { name } of client.d1.database.list(account)) databases.push(name);
  expect(databases).toEqual(["prism-db-g1"]);
});

test("a configuration that is refused is named with its key", async () => {
  await driver.setConfig({ plan: "gold" });
  await expect(driver.preview()).rejects.toMatchObject({
    parts: { cause: expect.stringContaining("prism:plan: invalid") },
  });
  await driver.setConfig({ plan: undefined });
});

test("state is its owner's alone, and a damaged one is reported instead of deployed over", async () => {
  const path = join(folder, "stack.json");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const whole = readFileSync(path, "utf8");
  writeFileSync(path, whole.slice(0, 100));
  await expect(driver.preview()).rejects.toMatchObject({
    parts: { subject: path, cause: expect.stringContaining("damaged") },
  });
  writeFileSync(path, whole);
});
