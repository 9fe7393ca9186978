/** What an operator looks at first, on a platform that is well, and on one that is not. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { ALLOWANCES_PER_DAY } from "../../infra/cloudflare-limits.ts";
import { CRONS, SERVICE } from "../../infra/inventory.ts";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { misuse } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { invocationOnPlatform } from "../command/invocation-on-platform.fixture.ts";
import { newsIn, runCommand } from "../command/run-cli.fixture.ts";
import { usedWarnings, warningsFromOutside } from "../delivery/outside.ts";
import { reportWeekly } from "../report/weekly.ts";
import { locateStack } from "../stack/locate.ts";
import type { StackTarget } from "../stack/target.ts";
import type { ResourceRow } from "../usage/resources.ts";
import { usage } from "../usage/usage.ts";
import { health } from "./health.ts";
import type { HealthRow } from "./row.ts";
import { status } from "./status.ts";

let dir: string;
let service: Service;
let page: Server;
let page_url: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "desk-"));
  service = await startService({ data_dir: dir, faults: true });
  page = createServer((_request, response) => response.end(JSON.stringify(PAGE))).listen(0, "127.0.0.1");
  await new Promise((resolve) => page.once("listening", resolve));
  page_url = `http://127.0.0.1:${(page.address() as AddressInfo).port}`;
  await service.platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks);
  // The meter hears of the run a moment after it.
  await vi.waitFor(async () => expect(await states()).toMatchObject({ crons: "up" }), { timeout: 30_000 });
});
afterAll(async () => {
  page?.close();
  await service?.close();
  rmSync(dir, { recursive: true });
});
beforeEach(() => {
  if (service.platform.faults) service.platform.faults.rules = [];
});

const PAGE = {
  status: { indicator: "minor", description: "Minor Service Outage" },
  components: [
    { name: "D1", status: "degraded_performance" },
    { name: "Workers", status: "operational" },
    { name: "Stream", status: "major_outage" },
  ],
  incidents: [{ name: "D1 is slow in Europe", impact: "minor" }],
};

const { signal } = new AbortController();
const target = () => locateStack("local", dir, {}, signal);
/** The same stack, where nobody answers at the service's address. */
const withoutWorker = async (): Promise<StackTarget> => ({
  ...(await target()),
  service: async () => ({ url: "http://127.0.0.1:9", secret: service.platform.api_secret }),
});
const run = async (command: typeof health, find = target, changes: Partial<Invocation> = {}) => {
  const invocation = invocationOnPlatform(service.platform, find, {
    env: { PRISM_CLOUDFLARE_STATUS_URL: page_url },
    ...changes,
  });
  const { data, text, exit_code } = await command.run(invocation, {});
  return { data: data as Record<string, unknown>, text, exit_code };
};
const states = async (find = target) => {
  const { data, exit_code, text } = await run(health, find);
  const rows = data.parts as HealthRow[];
  return { exit_code, text, ...Object.fromEntries(rows.map(({ part, state }) => [part, state])) };
};
const ALL_UP = {
  worker: "up",
  database: "up",
  vectorize: "up",
  kv: "up",
  ai: "up",
  queue: "up",
  crons: "up",
  quota: "up",
};

test("every part of a healthy service is up", async () => {
  expect(await states()).toMatchObject({ exit_code: 0, ...ALL_UP });
});

test("a database that does not answer hides nothing else, and what to do stands below", async () => {
  if (service.platform.faults) service.platform.faults.rules = [{ binding: "DB", error: "D1_ERROR: set by the test" }];
  const found = await states();
  expect(found).toMatchObject({
    exit_code: 1,
    worker: "up",
    database: "down",
    kv: "up",
    ai: "up",
    queue: "up",
    crons: "up",
  });
  expect(found.text).toMatch(/database is down\. Try: /);
});

test("where the Worker is dead, Cloudflare's API tells of each other part, and says so where it does not", async () => {
  const dead = await states(withoutWorker);
  // There is no REST API of Workers AI on this machine, and none of the meter anywhere: neither is said to be well.
  const others = {
    database: "up",
    vectorize: "up",
    kv: "up",
    queue: "up",
    crons: "up",
    ai: "unknown",
    quota: "unknown",
  };
  expect(dead).toMatchObject({ exit_code: 1, worker: "down", ...others });
  expect(dead.text).toMatch(/no connection.*version 1/);
  const api = async () => ({ ...(await (await target()).api()), token: "revoked" });
  const refused = await states(async () => ({ ...(await withoutWorker()), api }));
  expect(refused).toMatchObject({ exit_code: 1, worker: "down", database: "unknown", crons: "unknown" });
});

test("a machine that lacks what asking takes says so, and calls nothing down that it has not asked", async () => {
  const lacks = async () => {
    throw misuse({
      op: "find stack",
      subject: "production",
      cause: "CLOUDFLARE_API_TOKEN is not set",
      reason: "not-configured",
      hint: "export it",
    });
  };
  const withoutSecret = async () => ({ ...(await target()), service: lacks });
  expect(await states(withoutSecret)).toMatchObject({ exit_code: 0, worker: "unknown", database: "up", crons: "up" });
  const withoutToken = async () => ({ ...(await target()), api: lacks });
  expect(await states(withoutToken)).toMatchObject({ exit_code: 0, ...ALL_UP });
  await expect(states(async () => ({ ...(await withoutSecret()), api: lacks }))).rejects.toThrow("TOKEN is not set");
});

test("with the token of reports, which only reads, everything is seen that it may see", async () => {
  const address = await (await target()).api();
  const { tokens } = createCloudflare(address, { signal }).accounts;
  const at = { account_id: address.account_id };
  const groups: { id: string }[] = [];
  const names = ["D1", "Queues", "Vectorize", "Workers KV Storage", "Workers Scripts"].map((name) => `${name} Read`);
  for await (const { id = "", name = "" } of tokens.permissionGroups.list(at))
    if (names.includes(name)) groups.push({ id });
  const resources = { [`com.cloudflare.api.account.${address.account_id}`]: "*" };
  const policies = [{ effect: "allow" as const, permission_groups: groups, resources }];
  const { value = "" } = await tokens.create({ ...at, name: "reports", policies });
  const api = async () => ({ ...address, token: value });
  const { text, ...found } = await states(async () => ({ ...(await withoutWorker()), api }));
  expect(found).toMatchObject({ worker: "down", database: "up", vectorize: "up", kv: "up", queue: "up", crons: "up" });
  expect(text).toContain("this token may not query it");
});

test("a cron trigger that went missing is found although the Worker says that cron has run", async () => {
  const address = await (await target()).api();
  const { schedules } = createCloudflare(address, { signal }).workers.scripts;
  const set = (crons: string[]) =>
    schedules.update(SERVICE, { account_id: address.account_id, body: crons.map((cron) => ({ cron })) });
  await set([CRONS.worker.daily]);
  const { text, ...found } = await states();
  await set(Object.values(CRONS.worker));
  expect(found).toMatchObject({ exit_code: 1, crons: "down", worker: "up" });
  expect(text).toContain(CRONS.worker.checks);
});

test("status tells each thing on its own, and Cloudflare's own page where it is reached", async () => {
  const well = await run(status);
  expect(well.data).toMatchObject({
    service: { known: true, value: { status: "healthy" } },
    version: { value: { number: 1 } },
    mode: { value: { mode: "normal" } },
    generations: { value: { database: 1, vectors: 1 } },
    incidents: { value: [] },
    backup: { value: null },
    cloudflare: { state: "known", impaired: ["D1: degraded performance"], incidents: ["D1 is slow in Europe (minor)"] },
  });
  await service.call(
    "POST",
    "/api/v1/incidents",
    { title: "Answers are slow", severity: "SEV-3", components: ["ai"], text: "We look into it." },
    { key: service.platform.api_secret },
  );
  const open = await run(status, target, { env: { PRISM_CLOUDFLARE_STATUS_URL: "http://127.0.0.1:9" } });
  expect(open.exit_code).toBe(1);
  expect(open.text).toMatch(/SEV-3 +#1 Answers are slow: .*nobody leads it/);
  expect(open.text).toMatch(/cloudflare +not reachable: /);
});

test("status without the Worker still knows the version, the generations and Cloudflare's page", async () => {
  const { data, exit_code } = await run(status, withoutWorker);
  expect(exit_code).toBe(1);
  expect(data).toMatchObject({
    service: { known: false },
    mode: { known: false },
    alerts: { known: false },
    version: { known: true },
    generations: { known: true },
    backup: { known: true },
    cloudflare: { state: "known" },
  });
});

test("before a deployment it is told what Cloudflare says of itself and what is nearly used up, whether or not the Worker answers", async () => {
  const outside = { env: { PRISM_CLOUDFLARE_STATUS_URL: page_url }, now_ms: Date.now(), signal };
  const said = ["D1: degraded performance", "D1 is slow in Europe (minor)"].map(
    (what) => `Cloudflare says: ${what} (npm run ops -- status)`,
  );
  expect(await warningsFromOutside(await target(), outside)).toEqual(said);
  expect(await warningsFromOutside(await withoutWorker(), outside)).toEqual(said);
  const { data } = await run(usage);
  const [fullest, ...others] = data.resources as ResourceRow[];
  const nearly = { ...fullest, resource: "kv_writes", usage_percentage: 96, state: "critical" } as ResourceRow;
  expect(usedWarnings([nearly, ...others])).toEqual(["kv_writes is used to 96.0 % (npm run ops -- usage)"]);
});

test("usage tells every allowance and store, the fullest first, and what a chunk costs", async () => {
  // Twice: a report tells of the routes that were asked most.
  const tea = { title: "Tea", text: "Green tea is brewed at 80 degrees." };
  for (let time = 0; time < 2; time += 1) await service.call("PUT", "/api/v1/documents/tea", tea);
  const { data, text, exit_code } = await run(usage);
  const resources = data.resources as { resource: string; usage_percentage: number }[];
  const percentages = resources.map(({ usage_percentage }) => usage_percentage);
  expect(resources.map(({ resource }) => resource).sort()).toEqual(
    [...Object.keys(ALLOWANCES_PER_DAY.free), "database (bytes)", "vectors (dimensions)"].sort(),
  );
  expect(percentages).toEqual(percentages.toSorted((a, b) => b - a));
  expect(data.per_chunk).toMatchObject({ chunks_today: 1, why_not_known: null });
  expect(text).toMatch(/A chunk: \d.* rows written at most \(1 chunk today\), 0\.\d+ neurons/);
  expect(exit_code).toBe(0);
  const { data: without } = await run(usage, () => Promise.reject(new Error("no account")));
  expect(without.per_chunk).toMatchObject({ chunks_today: null, why_not_known: expect.stringContaining("no account") });
});

test("a report has the figures of the service beside the baseline, and tells the source that did not answer", async () => {
  const out = join(dir, "reports");
  // The meter hears of a request a moment after it.
  await vi.waitFor(
    async () => {
      const taken = await runCommand(["baseline", "update", "--period", "24h", "--data", dir, "--json"]);
      expect(JSON.parse(taken.stdout)).toMatchObject({ period: "24h", all: { requests: expect.any(Number) } });
      expect(taken.stdout).toContain("PUT /api/v1/documents/:id");
    },
    { timeout: 30_000 },
  );
  const { stdout, stderr } = await runCommand(["report", "weekly", "--out", out, "--data", dir, "--json"]);
  expect(newsIn(stderr)).toEqual([]);
  const { figures, files, recommendations, not_known } = JSON.parse(stdout);
  expect(figures).toContainEqual(expect.objectContaining({ name: "p95", before: expect.stringMatching(/ms$/) }));
  expect(recommendations).toContainEqual({ because: "No backup was ever verified", command: "backup verify" });
  expect(not_known).toEqual([]);
  const [markdown = "", html = "", ...charts] = (files as string[]).map((file) => readFileSync(file, "utf8"));
  expect(charts).toHaveLength(3);
  expect(charts.every((chart) => chart.startsWith("<svg xmlns="))).toBe(true);
  expect(markdown).toContain(`](${basename(files[2])})`);
  expect(html).toContain("PUT /api/v1/documents/:id");
  const gap = await run(reportWeekly, () => Promise.reject(new Error("no account")));
  expect(gap.data.not_known).toEqual([expect.stringMatching(/^backup: .*no account/)]);
});

test.each(["performance", "monthly", "capacity", "cost", "volume"])("report %s is whole", async (kind) => {
  const { code, stdout, stderr } = await runCommand(["report", kind, "--data", dir, "--json"]);
  expect({ code, news: newsIn(stderr), ...JSON.parse(stdout) }).toMatchObject({
    code: 0,
    news: [],
    kind,
    not_known: [],
    files: [],
  });
});

test.each([["health"], ["status"], ["usage"]])("%s prints what it declares", async (path) => {
  const { stdout, stderr } = await runCommand([path, "--data", dir, "--json"], {
    PRISM_CLOUDFLARE_STATUS_URL: page_url,
  });
  expect(newsIn(stderr)).toEqual([]);
  expect(JSON.parse(stdout)).toMatchObject({ stack: "local" });
});

test("where the Worker is dead and the database is gone, both are told, and nothing else is", async () => {
  const { database } = await (await target()).resources();
  const address = await (await target()).api();
  const [{ id } = { id: "" }] = database.generations;
  await createCloudflare(address, { signal }).d1.database.delete(id, { account_id: address.account_id });
  const { text, ...found } = await states(withoutWorker);
  const others = { vectorize: "up", kv: "up", queue: "up", crons: "up" };
  expect(found).toMatchObject({ exit_code: 1, worker: "down", database: "down", ...others });
  expect(text).toMatch(/database is down\. Try: .*restore plan/);
});
