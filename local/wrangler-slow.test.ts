/** Wrangler as it is installed, pointed at this machine's REST API: what it can do with an account, it can do here. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Platform, startPlatform } from "./platform.ts";
import { liveDeployment } from "./workerd.ts";

const WRANGLER = join(import.meta.dirname, "../node_modules/wrangler/bin/wrangler.js");
const run = promisify(execFile);

let folder: string;
let platform: Platform;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "wrangler-"));
  platform = await startPlatform({ api_budget: false });
});
afterAll(async () => {
  await platform?.close();
  rmSync(folder, { recursive: true, force: true });
});

const environment = () => ({
  PATH: process.env.PATH ?? "",
  HOME: folder,
  CI: "true",
  NO_COLOR: "1",
  WRANGLER_SEND_METRICS: "false",
  CLOUDFLARE_API_BASE_URL: platform.api_url,
  CLOUDFLARE_API_TOKEN: platform.api_token,
  CLOUDFLARE_ACCOUNT_ID: platform.account_id,
});

/** What wrangler prints. Rejects, with what it said, when it fails. */
async function wrangler(...words: string[]): Promise<string> {
  return await told("", ...words);
}
/** Likewise, with something on its standard input. */
async function told(input: string, ...words: string[]): Promise<string> {
  const running = run(process.execPath, [WRANGLER, ...words], { cwd: folder, env: environment() });
  running.child.stdin?.end(input);
  const { stdout } = await running.catch((error) => {
    throw new Error(`wrangler ${words.join(" ")}: ${error.stdout}${error.stderr}`);
  });
  return stdout;
}

test("D1: a database is found by its name, queried, and exported", async () => {
  const [database = { name: "" }] = JSON.parse(await wrangler("d1", "list", "--json"));
  const rows = await wrangler("d1", "execute", database.name, "--remote", "--json", "--command", "SELECT 41 + 1 AS n");
  expect(JSON.parse(rows)).toMatchObject([{ results: [{ n: 42 }], success: true }]);
  await wrangler("d1", "create", "small");
  await wrangler("d1", "execute", "small", "--remote", "--command", "CREATE TABLE t (a); INSERT INTO t VALUES ('x')");
  const file = join(folder, "small.sql");
  await wrangler("d1", "export", "small", "--remote", "--output", file);
  expect(readFileSync(file, "utf8")).toMatch(/CREATE TABLE.*t.*INSERT INTO/s);
});

test("R2: an object is put, read and deleted, whatever its key", async () => {
  await wrangler("r2", "bucket", "create", "shelf");
  const [from, to] = [join(folder, "in"), join(folder, "out")];
  writeFileSync(from, "a\nb");
  const object = "shelf/a folder/ü%20.txt";
  await wrangler("r2", "object", "put", object, "--remote", "--file", from);
  await wrangler("r2", "object", "get", object, "--remote", "--file", to);
  expect(readFileSync(to, "utf8")).toBe("a\nb");
  await wrangler("r2", "object", "delete", object, "--remote");
  await expect(wrangler("r2", "object", "get", object, "--remote", "--file", to)).rejects.toThrow(/does not exist/);
});

test("KV: a namespace is made, a key put, read, listed and deleted", async () => {
  await wrangler("kv", "namespace", "create", "shelf");
  const namespaces = JSON.parse(await wrangler("kv", "namespace", "list"));
  const { id } = namespaces.find(({ title }: { title: string }) => title === "shelf");
  const at = ["--namespace-id", id, "--remote"];
  await wrangler("kv", "key", "put", "a/b", "value", ...at);
  expect(await wrangler("kv", "key", "get", "a/b", ...at, "--text")).toContain("value");
  expect(JSON.parse(await wrangler("kv", "key", "list", ...at))).toMatchObject([{ name: "a/b" }]);
  await wrangler("kv", "key", "delete", "a/b", ...at);
  expect(JSON.parse(await wrangler("kv", "key", "list", ...at))).toEqual([]);
  const [entries, keys] = [join(folder, "entries.json"), join(folder, "keys.json")];
  writeFileSync(entries, JSON.stringify([{ key: "c", value: "1" }]));
  writeFileSync(keys, JSON.stringify(["c"]));
  await wrangler("kv", "bulk", "put", entries, ...at);
  expect(JSON.parse(await wrangler("kv", "key", "list", ...at))).toMatchObject([{ name: "c" }]);
  await wrangler("kv", "bulk", "delete", keys, "--force", ...at);
  expect(JSON.parse(await wrangler("kv", "key", "list", ...at))).toEqual([]);
});

test.each([
  [["queues", "list"], "prism-ingest"],
  [["queues", "info", "prism-ingest"], "prism-ingest"],
  [["vectorize", "list", "--json"], "prism-chunks-g1"],
  [["vectorize", "info", "prism-chunks-g1", "--json"], "384"],
  [["versions", "list", "--name", "prism", "--json"], '"number": 1'],
  [["deployments", "list", "--name", "prism", "--json"], '"percentage": 100'],
  [["deployments", "status", "--name", "prism", "--json"], '"percentage": 100'],
  [["secret", "list", "--name", "prism"], "API_SECRET"],
  [["whoami"], ""],
])("it reads: %j", async (words, expected) => {
  expect(await wrangler(...words)).toContain(expected);
});

test("a script of one's own: deployed, given a secret, split between versions, scheduled, rolled back and deleted", async () => {
  writeFileSync(join(folder, "own.js"), "export default { fetch: () => new Response('mine'), scheduled() {} }");
  const file = join(folder, "own.json");
  const configure = (cron: string) => {
    const configuration = {
      name: "own",
      main: "own.js",
      compatibility_date: "2026-11-01",
      triggers: { crons: [cron] },
    };
    writeFileSync(file, JSON.stringify(configuration));
  };
  const { registry } = platform.runtime;
  const versions = () => registry.list("version").filter(({ script_name }) => script_name === "own");
  const live = () => liveDeployment(registry, "own")?.versions;
  const own = (...words: string[]) => wrangler(...words, "--config", file);

  configure("*/9 * * * *");
  const deployed = await own("deploy");
  const first = versions()[0]?.id ?? "";
  expect(deployed).toContain(`Current Version ID: ${first}`);
  await told("hush", "secret", "put", "PASSWORD", "--config", file);
  expect(versions()[1]?.bindings).toEqual([{ type: "secret_text", name: "PASSWORD", text: "hush" }]);

  const secrets = join(folder, "secrets.json");
  writeFileSync(secrets, JSON.stringify({ PASSWORD: null, FIRST: "a", SECOND: "b" }));
  await own("secret", "bulk", secrets);
  const set = (...entries: [string, string][]) => entries.map(([name, text]) => ({ type: "secret_text", name, text }));
  expect(versions()[2]?.bindings).toEqual(set(["FIRST", "a"], ["SECOND", "b"]));
  const serving = versions()[2]?.id ?? "";
  await told("c", "versions", "secret", "put", "THIRD", "--config", file);
  expect(versions()[3]?.bindings).toEqual(set(["FIRST", "a"], ["SECOND", "b"], ["THIRD", "c"]));
  expect(await own("versions", "secret", "list", "--latest-version")).toContain("THIRD");
  expect(live()).toEqual([{ version_id: serving, percentage: 100 }]);

  await own("versions", "upload");
  const newest = versions()[4]?.id ?? "";
  await own("versions", "deploy", `${newest}@10`, `${first}@90`, "--yes");
  expect(live()).toEqual([
    { version_id: newest, percentage: 10 },
    { version_id: first, percentage: 90 },
  ]);
  configure("*/7 * * * *");
  await own("triggers", "deploy");
  expect(registry.get("script", "own")?.schedules.map(({ cron }) => cron)).toEqual(["*/7 * * * *"]);

  await own("rollback", first, "--yes", "--message", "back");
  expect(live()).toEqual([{ version_id: first, percentage: 100 }]);
  await own("delete", "--force");
  expect(registry.get("script", "own")).toBeUndefined();
});

test("Queues and Vectorize: a consumer is added and removed by its script, a vector is asked for by its id", async () => {
  await wrangler("queues", "create", "line");
  await wrangler("queues", "consumer", "worker", "add", "line", "prism");
  await wrangler("queues", "consumer", "worker", "remove", "line", "prism");
  await wrangler("queues", "delete", "line");
  await wrangler("vectorize", "create", "stars", "--dimensions", "2", "--metric", "cosine");
  const file = join(folder, "stars.ndjson");
  writeFileSync(file, '{"id":"vega","values":[1,0]}\n');
  await wrangler("vectorize", "upsert", "stars", "--file", file);
  await platform.vectorize.flush();
  expect(await wrangler("vectorize", "query", "stars", "--vector-id", "vega")).toContain("vega");
});

test("D1: migrations are listed and applied once, and insights are refused with a reason", async () => {
  await wrangler("d1", "create", "grown");
  const databases: { name: string; uuid: string }[] = JSON.parse(await wrangler("d1", "list", "--json"));
  const database_id = databases.find(({ name }) => name === "grown")?.uuid;
  const file = join(folder, "grown.json");
  const d1_databases = [{ binding: "DB", database_name: "grown", database_id }];
  writeFileSync(file, JSON.stringify({ name: "grown", compatibility_date: "2026-11-01", d1_databases }));
  mkdirSync(join(folder, "migrations"));
  writeFileSync(join(folder, "migrations", "0001_begin.sql"), "CREATE TABLE t (a);\nINSERT INTO t VALUES (';');\n");
  const migrations = (verb: string) => wrangler("d1", "migrations", verb, "grown", "--remote", "--config", file);
  expect(await migrations("list")).toContain("0001_begin.sql");
  await migrations("apply");
  expect(await migrations("list")).toContain("No migrations to apply");
  const rows = await wrangler("d1", "execute", "grown", "--remote", "--json", "--command", "SELECT a FROM t");
  expect(JSON.parse(rows)).toMatchObject([{ results: [{ a: ";" }] }]);
  await expect(wrangler("d1", "insights", "grown", "--json")).rejects.toThrow(/keeps no GraphQL analytics/);
});

const TAIL_HEARD_MAX_MS = 60_000;

/** What `wrangler tail` prints while `act` is done again and again, until that contains what is expected. */
async function tailed(expected: string, act: () => Promise<unknown>, ...words: string[]): Promise<string> {
  const child = spawn(process.execPath, [WRANGLER, "tail", "prism", ...words], { cwd: folder, env: environment() });
  const exited = once(child, "exit");
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (printed += String(data)));
  try {
    await vi.waitFor(
      async () => {
        await act();
        expect(printed).toContain(expected);
      },
      { timeout: TAIL_HEARD_MAX_MS, interval: 100 },
    );
  } finally {
    child.kill("SIGINT");
  }
  expect(await exited).toEqual([0, null]);
  return printed;
}
const call = (method: string, path: string, headers: Record<string, string> = {}) =>
  fetch(`${platform.url}${path}`, { method, headers });

test("tail: what the Worker does is printed while it does it, as JSON and to be read", async () => {
  const json = await tailed("/livez", () => call("GET", "/livez"), "--format", "json");
  expect(json).toContain('"scriptName": "prism"');
  const pretty = await tailed("- Ok @", () => call("GET", "/livez"), "--format", "pretty");
  expect(pretty).toMatch(/GET http:\/\/[^ ]+\/livez - Ok @/);
});

test("tail: filters leave out what they do not name", async () => {
  const version = JSON.parse(await wrangler("versions", "list", "--name", "prism", "--json"))[0].id;
  const act = async () => {
    await call("GET", "/livez");
    await call("PUT", "/readyz", { "x-team": "blue whales" });
  };
  const filters = [
    ["--method", "PUT"],
    ["--header", "x-team:whale"],
  ];
  for (const filter of filters) {
    const printed = await tailed(
      "/readyz",
      act,
      "--format",
      "json",
      "--version-id",
      version,
      "--ip",
      "self",
      ...filter,
    );
    expect(printed).not.toContain("/livez");
  }
  const none = await tailed(
    "readyz",
    act,
    "--format",
    "json",
    "--status",
    "ok",
    "--sampling-rate",
    "0.9",
    "--method",
    "PUT",
  );
  expect(none).not.toContain("/livez");
});
