/** The REST API where it really stands: over the whole platform, beside the service it manages. */
import Cloudflare from "cloudflare";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DATABASE, generationName, KV_NAMESPACES, QUEUES, SERVICE } from "../../infra/inventory.ts";
import { type Platform, startPlatform } from "../platform.ts";
import { uploadOf } from "./module.fixture.ts";

let platform: Platform;
let client: Cloudflare;
let at: { account_id: string };
beforeAll(async () => {
  platform = await startPlatform({ api_budget: false });
  client = new Cloudflare({ apiToken: platform.api_token, baseURL: platform.api_url, maxRetries: 0 });
  at = { account_id: platform.account_id };
});
afterAll(() => platform.close());

const alive = async () => (await fetch(`${platform.url}/health/live`)).status;
const databaseId = async () => {
  for await (const one of client.d1.database.list(at))
    if (one.name === generationName(DATABASE, DATABASE.generation, "local")) return one.uuid ?? "";
  throw new Error("the seeded database is not listed");
};
const firstRow = async (id: string, sql: string) =>
  (await client.d1.database.query(id, { ...at, sql })).result[0]?.results?.[0];

test("what the inventory names is there: database with its tables, namespaces, queues, script with a live version", async () => {
  expect(await client.d1.database.get(await databaseId(), at)).toMatchObject({ num_tables: expect.any(Number) });
  const titles = (await client.kv.namespaces.list(at)).result.map(({ title }) => title);
  expect(titles).toEqual(expect.arrayContaining(Object.values(KV_NAMESPACES).map(({ name }) => name)));
  const queues = (await client.queues.list(at)).result;
  expect(queues.map(({ queue_name }) => queue_name)).toEqual(
    expect.arrayContaining(Object.values(QUEUES).map(({ name }) => name)),
  );
  const versions = (await client.workers.scripts.versions.list(SERVICE, at)).result.items ?? [];
  expect(versions[0]).toMatchObject({ number: 1 });
});

test("a Time Travel restore of the live database fails no request", async () => {
  const id = await databaseId();
  await client.d1.database.query(id, { ...at, sql: "CREATE TABLE travel (n); INSERT INTO travel VALUES (1)" });
  const { bookmark = "" } = await client.d1.database.timeTravel.getBookmark(id, at);
  await client.d1.database.query(id, { ...at, sql: "UPDATE travel SET n = 2" });
  let restoring = true;
  const statuses = new Set<number>();
  const asking = (async () => {
    while (restoring) statuses.add(await alive());
  })();
  const { previous_bookmark = "" } = await client.d1.database.timeTravel.restore(id, { ...at, bookmark });
  restoring = false;
  await asking;
  expect([...statuses]).toEqual([200]);
  expect(await firstRow(id, "SELECT n FROM travel")).toEqual({ n: 1 });
  await client.d1.database.timeTravel.restore(id, { ...at, bookmark: previous_bookmark });
  expect(await firstRow(id, "SELECT n FROM travel")).toEqual({ n: 2 });
});

test("a version that does not start is refused, and the service goes on", async () => {
  const version = await client.workers.beta.workers.versions.create(SERVICE, { ...at, ...uploadOf("}{") });
  const split = { ...at, strategy: "percentage" as const, versions: [{ version_id: version.id, percentage: 100 }] };
  await expect(client.workers.scripts.deployments.create(SERVICE, split)).rejects.toMatchObject({ status: 400 });
  expect(await alive()).toBe(200);
});

test("a deployed version serves, and deploying the old one again brings the service back", async () => {
  const code = "export default { fetch: () => new Response('other', { status: 418 }), queue() {} }";
  const version = await client.workers.beta.workers.versions.create(SERVICE, { ...at, ...uploadOf(code) });
  const first = platform.runtime.registry.list("version").find(({ number }) => number === 1)?.id ?? "";
  const deploy = (version_id: string) =>
    client.workers.scripts.deployments.create(SERVICE, {
      ...at,
      strategy: "percentage",
      versions: [{ version_id, percentage: 100 }],
    });
  await deploy(version.id);
  expect(await alive()).toBe(418);
  await deploy(first);
  expect(await alive()).toBe(200);
});

test("a deleted store's data is gone: a namespace made again is empty", async () => {
  const title = "scratch";
  const made = await client.kv.namespaces.create({ ...at, title });
  await client.kv.namespaces.bulkUpdate(made.id, { ...at, body: [{ key: "a", value: "1" }] });
  await client.kv.namespaces.delete(made.id, at);
  const again = await client.kv.namespaces.create({ ...at, title });
  expect((await client.kv.namespaces.keys.list(again.id, at)).result).toEqual([]);
});
