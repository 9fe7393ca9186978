import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Stack } from "../../infra/inventory.ts";
import { startPlatform } from "../../local/platform.ts";
import type { OpsError } from "../command/errors.ts";
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
  const target = await locateStack("local", dir, {});
  expect(target.stack).toBe("local");
  expect(await target.service()).toEqual({ url: "http://127.0.0.1:8787", secret: "bootstrap" });
  expect(await target.api()).toEqual({
    api_url: "http://127.0.0.1:8788/client/v4",
    account_id: "0".repeat(32),
    token: "token",
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

test("another stack's Worker and account are what the environment names, and nobody is asked for what it says", async () => {
  const env = { PRISM_URL: "https://prism.example/", PRISM_API_SECRET: "s" };
  const worker = await locateStack("production", dir, env);
  expect(await worker.service()).toEqual({ url: "https://prism.example", secret: "s" });
  const account = { CLOUDFLARE_API_TOKEN: "t", CLOUDFLARE_ACCOUNT_ID: "a" };
  expect(await (await locateStack("production", dir, account)).api()).toEqual({
    api_url: "https://api.cloudflare.com/client/v4",
    account_id: "a",
    token: "t",
  });
});

test("an error names the variable that is missing for what was asked, and none that is set", async () => {
  const refusal = async (part: "api" | "service", env: NodeJS.ProcessEnv) => {
    const target = await locateStack("staging", dir, env);
    return await target[part]().then(
      () => expect.unreachable(),
      ({ exit_code, parts: { cause, hint } }: OpsError) => ({ exit_code, cause, hint }),
    );
  };
  const token = { CLOUDFLARE_API_TOKEN: "t" };
  const [url, secret] = [{ PRISM_URL: "https://prism.example" }, { PRISM_API_SECRET: "s" }];
  expect(await refusal("api", { ...url, ...secret })).toMatchObject({
    exit_code: 2,
    cause: "CLOUDFLARE_API_TOKEN is not set",
    hint: expect.not.stringMatching(/PRISM_/),
  });
  expect(await refusal("service", { ...url, ...token })).toMatchObject({
    exit_code: 2,
    cause: "PRISM_URL is set, PRISM_API_SECRET is not",
    hint: "export the PRISM_API_SECRET of that Worker, or unset PRISM_URL",
  });
  expect(await refusal("service", secret)).toMatchObject({
    exit_code: 2,
    cause: "neither PRISM_URL nor CLOUDFLARE_API_TOKEN is set",
    hint: expect.not.stringContaining("PRISM_API_SECRET"),
  });
  expect((await refusal("service", { ...secret, PRISM_URL: "x" })).cause).toContain("not a URL: x");
});
