/** Deployments as a person runs them: the CLI as a process, on a platform, each test going on from where the one before ended. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { z } from "zod";
import { SERVICE } from "../../infra/inventory.ts";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { localDriver } from "../../local/pulumi/local-driver.ts";
import { liveVersion } from "../../local/workerd.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { workerVersions } from "../cloudflare/worker-versions.ts";
import { type Run, runCli } from "../command/run-cli.fixture.ts";
import { restD1 } from "../d1/rest-connection.ts";
import { deployRelease } from "../gameday/scripts.ts";
import { appliedMigrations, applyMigration } from "../migrate/ledger.ts";
import { buildReleases } from "./bundles.fixture.ts";
import { deploymentPlan } from "./deployment-plan.ts";

// Each deployment runs the program three times; on a busy machine that takes a while.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let dir: string;
let platform: Platform;
let releases: Awaited<ReturnType<typeof buildReleases>>;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "deploy-"));
  [platform, releases] = await Promise.all([
    startPlatform({ data_dir: join(dir, "data"), api_budget: false }),
    buildReleases(dir),
  ]);
});
afterAll(async () => {
  await platform?.close();
  await rm(dir, { recursive: true });
});

const report = z.looseObject({
  release: z.string().nullish(),
  version_id: z.string().optional(),
  reason: z.string().nullish(),
  traffic: z
    .object({
      requests: z.number(),
      failed: z.number(),
      phases: z.array(z.object({ phase: z.string(), failed: z.number() })),
    })
    .nullish(),
});

async function ops(...words: string[]): Promise<Run & { data: z.infer<typeof report> }> {
  const run = await runCli([...words, "--data", join(dir, "data"), "--json"]);
  return { ...run, data: report.parse(JSON.parse(run.stdout || "{}")) };
}
const tomorrow = () => new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
const quickly = ["--at-once", "--watch", "1s"];
/** The version that answers callers. */
const serving = async () => (await fetch(`${platform.url}/health/live`)).headers.get("x-worker-version");
const configured = async () =>
  JSON.parse(await readFile(join(dir, "data/stack.json"), "utf8")).config as Record<string, unknown>;

test("a dry run prints the typed plan of the first deployment and changes nothing", async () => {
  const before = await serving();
  const { code, stdout } = await ops("deploy", "--dry-run");
  const plan = deploymentPlan.parse(JSON.parse(stdout));
  expect(code).toBe(0);
  expect(plan).toMatchObject({
    version_changes: true,
    nothing_to_do: false,
    refusals: [],
    live: { version_id: before },
  });
  expect(plan.steps.some(({ type }) => type.endsWith(":WorkerVersion"))).toBe(true);
  expect(plan.bundle.gzip_bytes).toBeGreaterThan(10_000);
  expect(await serving()).toBe(before);
});

test("a deployment goes on trial, is promoted and recorded, callers notice nothing; the second finds nothing to do", async () => {
  const first = await ops("deploy", "--watch", "1s");
  expect(first.data).toMatchObject({
    outcome: "deployed",
    read_back: [],
    journeys: { failed: 0 },
    traffic: { failed: 0 },
  });
  expect(first.code).toBe(0);
  const { phases = [], requests } = first.data.traffic ?? {};
  expect(phases.map(({ phase }) => phase)).toEqual(expect.arrayContaining(["upload", "10 %", "50 %", "100 %"]));
  expect(requests).toBeGreaterThan(30);
  expect(await serving()).toBe(first.data.version_id);
  const second = await ops("deploy");
  expect(second).toMatchObject({ code: 0, data: { outcome: "unchanged", reason: null } });
});

test("a release that throws never meets a caller, and is rolled back by itself", async () => {
  const before = await serving();
  const { code, data } = await ops("deploy", "--bundle", releases.throwing, ...quickly);
  expect({ code, outcome: data.outcome, failed: data.traffic }).toMatchObject({
    code: 1,
    outcome: "rolled back",
    failed: { failed: 0 },
  });
  expect(await serving()).toBe(before);
  expect((await ops("synthetic")).code).toBe(0);
  expect(await configured()).toMatchObject({
    bundle: `version/${before}`,
    rollout: { percentage: 0, previous: before },
  });
});

test("a release that fails only a journey is rolled back with the journey's name", async () => {
  const before = await serving();
  const { code, data } = await ops("deploy", "--bundle", releases.mute, ...quickly);
  expect([code, data.outcome, await serving()]).toEqual([1, "rolled back", before]);
  expect(data.reason).toContain("chat cites it");
});

test("a release that fails under traffic costs what is counted, and is rolled back", async () => {
  const before = await serving();
  const { code, data } = await ops("deploy", "--bundle", releases.moody, ...quickly);
  expect([code, data.outcome, await serving()]).toEqual([1, "rolled back", before]);
  const { failed, phases } = data.traffic ?? {};
  const failedAt = (name: string) => phases?.find(({ phase }) => phase === name)?.failed ?? 0;
  expect(failedAt("100 %")).toBeGreaterThan(0);
  // Until the way back is taken, callers still meet the bad release.
  expect(failedAt("100 %") + failedAt("rollback")).toBe(failed);
});

test("a change that would replace a store by an empty one is refused before anything is done", async () => {
  const driver = localDriver({ data_dir: join(dir, "data"), platform, signal: new AbortController().signal });
  const vectors = await driver.getConfig("vectors");
  await driver.setConfig({ vectors: { live: 1, generations: [{ generation: 1, dimensions: 512 }] } });
  const { code, stdout } = await runCli(["deploy", "--data", join(dir, "data"), "--json"]);
  await driver.setConfig({ vectors });
  expect([code, JSON.parse(stdout).error]).toMatchObject([
    3,
    {
      cause: expect.stringMatching(/prism-chunks-g1: .*dimensions.*no waiver/),
      hint: expect.stringContaining("generation"),
    },
  ]);
});

test("with a waiver it is the last verified backup that decides, wherever its repository is", async () => {
  const driver = localDriver({ data_dir: join(dir, "data"), platform, signal: new AbortController().signal });
  const vectors = await driver.getConfig("vectors");
  const waiver = { resource: "prism-chunks-g1", reason: "its vectors are made again", expires: tomorrow() };
  await driver.setConfig({
    waivers: [waiver],
    vectors: { live: 1, generations: [{ generation: 1, dimensions: 512 }] },
  });
  const reasons = async () =>
    deploymentPlan.parse((await ops("deploy", "--dry-run")).data).refusals.map(({ reason }) => reason);
  try {
    expect(await reasons()).toEqual([expect.stringContaining("no verified backup is known")]);
    const vault = ["--repository", join(dir, "vault")];
    expect((await ops("backup", "create", ...vault)).code).toBe(0);
    expect((await ops("backup", "verify", ...vault)).code).toBe(0);
    await rm(join(dir, "vault"), { recursive: true });
    expect(await reasons()).toEqual([expect.stringContaining("the waiver counts")]);
  } finally {
    await driver.setConfig({ vectors, waivers: undefined });
  }
});

test("a migration that fails on the live database leaves nothing there and names its statement", async () => {
  const api = createCloudflare(
    { api_url: platform.api_url, account_id: platform.account_id, token: platform.api_token },
    { signal: new AbortController().signal },
  );
  const [{ uuid = "" } = {}] = (await api.d1.database.list({ account_id: platform.account_id })).result;
  const database = restD1(api, platform.account_id, uuid);
  const statements = [
    "CREATE TABLE extra (id INTEGER PRIMARY KEY)",
    "CREATE TRIGGER extra_kept BEFORE DELETE ON extra BEGIN SELECT RAISE(ABORT, 'kept; always'); END",
    "INSERT INTO sequences (name, next) VALUES ('documents', 1)",
  ];
  const migration = { name: "0999_next.sql", phase: "expand" as const, statements, revert: { none: "a test" } };
  await expect(applyMigration(database, migration)).rejects.toThrow(/statement 3 of 3 .*UNIQUE constraint failed/);
  const [left] = await database.batch([{ sql: "SELECT name FROM sqlite_schema WHERE name LIKE 'extra%'" }]);
  expect([left?.rows, await appliedMigrations(database)]).toEqual([[], expect.not.arrayContaining(["0999_next.sql"])]);
});

test("a rollback serves the release before, pinned, until the next deployment takes the pin away", async () => {
  const source = deploymentPlan.parse((await ops("deploy", "--dry-run")).data).bundle;
  const other = await ops("deploy", "--bundle", releases.harmless, ...quickly);
  expect([other.code, other.data.outcome]).toEqual([0, "deployed"]);
  // What the trouble's beginning is to be held against.
  const planned = await runCli(["rollback", "--dry-run", "--data", join(dir, "data")]);
  const [now = "", then = ""] = planned.stdout.split("\n");
  expect(now).toMatch(new RegExp(`^Now: version ${other.data.version_id} .+, since \\S+Z \\(.+ ago\\)\\.$`));
  expect(then).toMatch(
    new RegExp(`^Would serve version \\S+ \\(release ${source.release}\\) of \\S+Z \\(.+ ago\\) by a deployment\\.$`),
  );
  const back = await ops("rollback");
  expect({ code: back.code, data: back.data }).toMatchObject({
    code: 0,
    data: { path: "deployment", release: source.release, unrecorded: null, traffic: { failed: 0 } },
  });
  expect(await serving()).toBe(back.data.version_id);
  expect(await configured()).toMatchObject({ bundle: `version/${back.data.to}` });
  expect((await ops("deploy", "--dry-run")).data).toMatchObject({
    nothing_to_do: true,
    removes_pin: `version/${back.data.to}`,
  });
  const journal = await readFile(join(dir, "data/journal.jsonl"), "utf8");
  expect(
    journal
      .trim()
      .split("\n")
      .map((line) => `${JSON.parse(line).action}: ${JSON.parse(line).outcome}`),
  ).toEqual([
    "deploy: done",
    "deploy: done",
    "deploy: rolled back",
    "deploy: rolled back",
    "deploy: rolled back",
    "deploy: refused",
    "backup create: done",
    "backup verify: done",
    "deploy: done",
    "rollback: done",
  ]);
});

/** Puts a release with `statements` in front of what serves, with all traffic, as somebody would by hand. */
async function deployedByHand(statements: string): Promise<string> {
  const { api_url, account_id, api_token: token, runtime } = platform;
  const version = liveVersion(runtime.registry, SERVICE);
  const modules = version?.modules ?? {};
  // What was deployed by hand has the code in front of which it stands as a module of its own.
  const source = (modules["served.js"] ?? modules[version?.main_module ?? ""])?.content ?? "";
  const client = createCloudflare({ api_url, account_id, token }, { signal: new AbortController().signal });
  const release = { version_id: version?.id ?? "", source, bindings: version?.bindings ?? [] };
  const id = await deployRelease({ client, account_id }, release, statements);
  await vi.waitUntil(() => liveVersion(runtime.registry, SERVICE)?.id === id, { timeout: 60_000 });
  return id;
}

test("a rollback to what the stack deployed last serves it, though a stranger's release came between", async () => {
  const good = (await serving()) ?? "";
  const strange = await deployedByHand("void 0;");
  expect(await serving()).toBe(strange);
  const back = await ops("rollback", "--to", good);
  expect(back.code).toBe(0);
  expect(await serving()).toBe(back.data.version_id);
});

test("what somebody else deploys meanwhile is neither written over by a promotion nor taken back by a rollback", async () => {
  const good = (await serving()) ?? "";
  const { api_url, account_id, api_token: token } = platform;
  const client = createCloudflare({ api_url, account_id, token }, { signal: new AbortController().signal });
  const versions = workerVersions(client, account_id, SERVICE);
  const deploying = ops("deploy", "--bundle", releases.harmless, "--watch", "10s");
  const isPromoted = async () =>
    (await versions.deployments())[0]?.versions.some(({ percentage }) => percentage === 10);
  await vi.waitUntil(isPromoted, { timeout: 120_000, interval: 200 });
  const strange = await deployedByHand("void 0;");
  const left = await deploying;
  expect(left).toMatchObject({
    code: 1,
    data: {
      outcome: "failed",
      version_id: strange,
      reason: expect.stringContaining(`${strange} was deployed meanwhile`),
    },
  });
  expect(await serving()).toBe(strange);
  expect((await configured()).rollout).toBeUndefined();
  expect((await ops("rollback", "--to", good)).code).toBe(0);
});

test.each([
  ["nobody gets an answer from", 'throw new Error("dead");'],
  [
    "fails one request in two",
    'globalThis.__asked = (globalThis.__asked ?? 0) + 1; if (globalThis.__asked % 2 === 0) throw new Error("half dead");',
  ],
])("what %s is replaced, without shares of the traffic and without being asked for it", async (_, statements) => {
  const good = (await serving()) ?? "";
  const bad = await deployedByHand(statements);
  const mended = await ops("deploy", "--bundle", releases.harmless, "--watch", "1s");
  expect(mended.stderr).toContain("All traffic at once, for the version before fails callers");
  expect(mended).toMatchObject({ code: 0, data: { outcome: "deployed" } });
  expect([good, bad]).not.toContain(await serving());
  expect(mended.data.traffic?.phases.map(({ phase }) => phase)).not.toContain("10 %");
  expect((await ops("rollback", "--to", good)).code).toBe(0);
});

test("a rollback to what does not answer, either, says so and does not pass for done", async () => {
  const good = (await serving()) ?? "";
  const dead = await deployedByHand('throw new Error("dead");');
  const deader = await deployedByHand('throw new Error("deader");');
  const back = await ops("rollback");
  expect(back).toMatchObject({ code: 1, data: { from: deader, to: dead, silent: expect.stringContaining("500") } });
  expect(await ops("rollback", "--to", good)).toMatchObject({ code: 0, data: { silent: null } });
});
