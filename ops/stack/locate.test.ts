import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Stack } from "../../infra/inventory.ts";
import { startPlatform } from "../../local/platform.ts";
import { locateStack as locate } from "./locate.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "stack-"));
});
afterEach(() => rm(dir, { recursive: true }));

const { signal } = new AbortController();
const locateStack = (stack: Stack, folder: string, env: NodeJS.ProcessEnv) => locate(stack, folder, env, signal);

const running = (pid: number): Promise<void> =>
  writeFile(
    join(dir, "platform.json"),
    JSON.stringify({
      pid,
      url: "http://127.0.0.1:8787",
      api_url: "http://127.0.0.1:8788/client/v4",
      s3_url: "http://127.0.0.1:8788",
      account_id: "0".repeat(32),
      api_token: "token",
      admin_key: "prism_a_b",
      api_secret: "bootstrap",
    }),
  );

test("the local stack is the platform that runs on the data folder", async () => {
  await running(process.pid);
  expect(await locateStack("local", dir, {})).toMatchObject({
    stack: "local",
    url: "http://127.0.0.1:8787",
    secret: "bootstrap",
    api: { api_url: "http://127.0.0.1:8788/client/v4", account_id: "0".repeat(32), token: "token" },
  });
});

test("without a running platform the error says how to start one", async () => {
  await expect(locateStack("local", dir, {})).rejects.toMatchObject({
    parts: { hint: expect.stringContaining("npm start") },
  });
});

test("a platform that died without cleaning up does not count as running", async () => {
  // Beyond the largest pid Linux gives out.
  await running(2 ** 22 + 1);
  await expect(locateStack("local", dir, {})).rejects.toThrow("is gone");
});

test("a damaged file is reported as damaged", async () => {
  await writeFile(join(dir, "platform.json"), '{"pid": 1');
  await expect(locateStack("local", dir, {})).rejects.toThrow("damaged");
});

test("what the local stack consists of is asked of its account", async () => {
  const platform = await startPlatform({ data_dir: dir });
  try {
    const { resources } = await locateStack("local", dir, {});
    const found = await resources();
    expect(found).toMatchObject({
      account_id: platform.account_id,
      database: { live: 1, generations: [{ generation: 1, name: "prism-db-g1" }] },
      vectors: { live: 1, generations: [{ generation: 1, name: "prism-chunks-g1", dimensions: 384 }] },
      buckets: { vectors: "prism-vectors", backups: "prism-backups", logs: "prism-logs", audit: "prism-audit" },
      queues: { ingest: { name: "prism-ingest" }, dead: { name: "prism-ingest-dead" } },
      s3: { endpoint: platform.s3_url, credentials: platform.s3_credentials },
      worker: { name: "prism" },
    });
    expect(found.kv.cache).toMatch(/^[0-9a-f]{32}$/);
    expect(found.kv.config).not.toBe(found.kv.cache);
  } finally {
    await platform.close();
  }
});

test("an account in which nothing was deployed says so", async () => {
  const platform = await startPlatform({ data_dir: dir, account: "empty" });
  try {
    const { resources } = await locateStack("local", dir, {});
    await expect(resources()).rejects.toMatchObject({ parts: { hint: expect.stringContaining("ops -- deploy") } });
  } finally {
    await platform.close();
  }
});

test("the environment can name another stack's Worker, and the error names what is missing", async () => {
  const env = { PRISM_URL: "https://prism.example/", PRISM_API_SECRET: "s" };
  const target = await locateStack("production", dir, env);
  expect(target).toMatchObject({ stack: "production", url: "https://prism.example", secret: "s" });
  expect(() => target.api).toThrow("name the Worker, not the account");
  const account = { CLOUDFLARE_API_TOKEN: "t", CLOUDFLARE_ACCOUNT_ID: "a" };
  expect((await locateStack("production", dir, { ...env, ...account })).api).toEqual({
    api_url: "https://api.cloudflare.com/client/v4",
    account_id: "a",
    token: "t",
  });
  await expect(locateStack("staging", dir, { PRISM_URL: "x" })).rejects.toMatchObject({ exit_code: 2 });
  await expect(locateStack("staging", dir, { PRISM_URL: "x" })).rejects.toThrow("PRISM_API_SECRET is not");
});
