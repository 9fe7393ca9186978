/** The driver under the real engine: an account with stores made by hand is adopted, deployed, changed and looked at. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isDataStore } from "../../infra/policy/data-stores.ts";
import { type EngineStack, startEngineStack } from "../../local/pulumi/engine.fixture.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import type { Cloudflare } from "../cloudflare/official.ts";
import { adoptable } from "./adoptable.ts";
import type { PlannedStep, StackDriver } from "./driver.ts";
import { pulumiDriver } from "./pulumi-driver.ts";
import { type PulumiEngine, pulumiEngine, secretsPassphrase, stateUrl } from "./pulumi-engine.ts";
import { remoteAddresses } from "./remote-stack.ts";

const { signal } = new AbortController();
let stack: EngineStack;
let engine: PulumiEngine;
let driver: StackDriver;
let client: Cloudflare;
let account: { account_id: string };
const said: string[] = [];

beforeAll(async () => {
  stack = await startEngineStack();
  const { platform, env, folder } = stack;
  engine = await pulumiEngine("local", env, signal, folder);
  driver = pulumiDriver(engine, async () => engine);
  account = { account_id: platform.account_id };
  client = createCloudflare({ api_url: platform.api_url, ...account, token: platform.api_token }, { signal });
});
afterAll(() => stack?.close());

const differing = (steps: readonly PlannedStep[]) => {
  said.push(JSON.stringify(steps));
  return steps.filter(({ kind }) => kind !== "same").map(({ kind, name }) => `${kind} ${name}`);
};
const refusal = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => new Error("it was not refused"),
    (thrown: unknown) => thrown,
  );
  said.push(JSON.stringify(error), String(error));
  return error;
};

test("what was never deployed has no outputs", async () => {
  expect(await refusal(driver.outputs())).toMatchObject({
    parts: { cause: "it was never deployed", hint: "npm run ops -- deploy --stack local" },
  });
});

test("stores that were made by hand are adopted, and the deployment changes none of them", async () => {
  await client.d1.database.create({ ...account, name: "prism-db-g1" });
  await client.kv.namespaces.create({ ...account, title: "prism-config" });
  await client.r2.buckets.create({ ...account, name: "prism-backups" });
  await client.queues.create({ ...account, queue_name: "prism-ingest" });
  const found = await adoptable(client, await driver.unmanaged());
  const byHand = ["prism-ingest", "prism-db-g1", "prism-config", "prism-backups"];
  expect(found.map(({ name }) => name).sort()).toEqual(byHand.sort());
  const list = join(stack.folder, "import.json");
  writeFileSync(list, JSON.stringify({ resources: found.map(({ type, name, id }) => ({ type, name, id })) }));
  await engine.run(["import", "--file", list, "--yes", "--skip-preview", "--generate-code=false"]);

  const { steps, warnings } = await driver.preview();
  expect(warnings).toEqual([]);
  for (const { type, name, kind, changed } of steps)
    if (byHand.includes(name) && isDataStore(type)) expect([name, kind, changed]).toEqual([name, "same", []]);
  const done: PlannedStep[] = [];
  const outputs = await driver.up((step) => done.push(step));
  expect(differing(done)).toEqual(expect.arrayContaining(["create prism-version", "create prism-token-backup"]));
  expect(differing(done)).not.toEqual(expect.arrayContaining(byHand.map((name) => `create ${name}`)));
  expect(outputs).toMatchObject({ stack: "local", api_secret: stack.secrets.API_SECRET });
  expect(differing((await driver.preview()).steps)).toEqual([]);
});

test("a machine with the engine and nothing but the token learns the secret from the stack's outputs", async () => {
  const { CLOUDFLARE_API_TOKEN, CLOUDFLARE_BASE_URL, PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE, PULUMI_HOME } =
    stack.env;
  const env = { CLOUDFLARE_API_TOKEN, CLOUDFLARE_BASE_URL, PULUMI_BACKEND_URL, PULUMI_CONFIG_PASSPHRASE, PULUMI_HOME };
  const found = remoteAddresses("local", env, signal);
  expect(await found.service()).toEqual({
    url: "https://prism.prism-local.workers.dev",
    secret: stack.secrets.API_SECRET,
  });
  expect(await found.api()).toMatchObject(account);
  expect(await refusal(remoteAddresses("local", {}, signal).service())).toMatchObject({
    exit_code: 2,
    parts: { cause: "PRISM_API_SECRET is not set, and CLOUDFLARE_API_TOKEN is not set" },
  });
});

test("a changed variable is planned", async () => {
  await driver.setConfig({ "variables.LOG_LEVEL": "DEBUG" });
  expect(await driver.getConfig("variables")).toEqual({ LOG_LEVEL: "DEBUG" });
  expect(await driver.getConfig("API_SECRET")).toBeUndefined();
  expect(differing((await driver.preview()).steps)).toEqual(["replace prism-version", "replace prism-deployment"]);
  await driver.setConfig({ variables: undefined });
});

test("drift is told from what stayed", async () => {
  await client.workers.scripts.schedules.update("prism", { ...account, body: [{ cron: "1 1 * * *" }] });
  const { tokens } = await driver.outputs();
  for await (const { id, name } of client.accounts.tokens.list(account))
    if (name === "prism reports") await client.accounts.tokens.delete(id ?? "", account);
  expect(Object.values(tokens)).toHaveLength(4);
  const drift = await driver.drift();
  expect(drift.filter(({ state }) => state !== "unchanged")).toEqual(
    expect.arrayContaining([expect.objectContaining({ name: "prism-token-reports", state: "missing" })]),
  );
  // The provider does not refresh schedules: `ops drift` reads them back by itself.
  expect(drift).toContainEqual(expect.objectContaining({ name: "prism-crons", state: "unchanged" }));
  expect(drift.filter(({ state }) => state === "unchanged").length).toBeGreaterThan(25);
});

test("drift is no step of a deployment before it was noticed, and put right by the next one then", async () => {
  await client.r2.buckets.lifecycle.update("prism-logs", { ...account, rules: [] });
  // The engine compares with its state, so that a deployment would find nothing to do.
  expect(differing((await driver.preview()).steps)).toEqual([]);
  await driver.notice((await driver.drift()).filter(({ state }) => state !== "unchanged"));
  const noticed = ["create prism-token-reports", "update prism-logs-lifecycle"];
  expect(differing((await driver.preview()).steps).sort()).toEqual(noticed);
  const done: PlannedStep[] = [];
  await driver.up((step) => done.push(step));
  expect(differing(done).sort()).toEqual(noticed);
  expect((await driver.drift()).filter(({ state }) => state !== "unchanged")).toEqual([]);
});

test("a protected store's replacement is planned as such, refused, and explained", async () => {
  await driver.setConfig({ vectors: { live: 1, generations: [{ generation: 1, dimensions: 8 }] } });
  expect((await driver.preview()).steps).toContainEqual({
    kind: "replace",
    type: "vectorize:index:VectorizeIndex",
    name: "prism-chunks-g1",
    changed: ["dimensions"],
    protected: true,
  });
  expect(await refusal(driver.up())).toMatchObject({
    exit_code: 3,
    parts: { subject: "prism-chunks-g1", hint: expect.stringContaining("prism:waivers") },
  });
  await driver.setConfig({ vectors: undefined, plan: "gold" });
  expect(await refusal(driver.preview())).toMatchObject({
    parts: { cause: expect.stringMatching(/^prism:plan: invalid option.*Set it with: pulumi config set prism:plan/) },
  });
  await driver.setConfig({ plan: "free" });
});

test("the state may lie in R2, and then the token alone opens it", async () => {
  const { platform } = stack;
  const folder = mkdtempSync(join(tmpdir(), "state-"));
  try {
    await client.r2.buckets.create({ ...account, name: "prism-state" });
    writeFileSync(join(folder, "Pulumi.yaml"), "name: prism\nruntime: nodejs\n");
    mkdirSync(join(folder, "home"));
    const env = {
      CLOUDFLARE_API_TOKEN: platform.api_token,
      CLOUDFLARE_BASE_URL: platform.api_url,
      PULUMI_BACKEND_URL: stateUrl(platform.s3_url),
      PULUMI_HOME: join(folder, "home"),
    };
    const inR2 = await pulumiEngine("production", env, signal, folder);
    await inR2.run(["stack", "init", "--secrets-provider", "passphrase"]);
    await inR2.run(["config", "set", "--secret", "prism:API_SECRET"], { input: "hush hush" });
    const again = await pulumiEngine("production", env, signal, folder);
    expect(await again.run(["config", "get", "prism:API_SECRET"])).toBe("hush hush\n");
    expect(secretsPassphrase(platform.api_token, "production")).not.toBe(
      secretsPassphrase(platform.api_token, "staging"),
    );
    const other = await pulumiEngine("production", { ...env, PULUMI_CONFIG_PASSPHRASE: "wrong" }, signal, folder);
    expect(await refusal(other.run(["config", "get", "prism:API_SECRET"]))).toMatchObject({
      parts: {
        cause: expect.stringContaining("incorrect passphrase"),
        hint: expect.stringContaining("CLOUDFLARE_API_TOKEN"),
      },
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("no plan, step or refusal holds a secret", async () => {
  const { tokens, s3 } = await driver.outputs();
  const keys = Object.values(s3.credentials).map(({ secret_access_key }) => secret_access_key);
  for (const text of [...Object.values(stack.secrets), ...Object.values(tokens), ...keys, stack.platform.api_token])
    for (const one of said) expect(one).not.toContain(text);
});
