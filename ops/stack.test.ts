import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { locateStack } from "./stack.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "stack-"));
});
afterEach(() => rm(dir, { recursive: true }));

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
  expect(await locateStack("local", dir, {})).toEqual({
    stack: "local",
    url: "http://127.0.0.1:8787",
    secret: "bootstrap",
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

test("another stack is found by the environment and the error names what is missing", async () => {
  const env = { PRISM_URL: "https://prism.example/", PRISM_API_SECRET: "s" };
  expect(await locateStack("production", dir, env)).toEqual({
    stack: "production",
    url: "https://prism.example",
    secret: "s",
  });
  await expect(locateStack("staging", dir, { PRISM_URL: "x" })).rejects.toMatchObject({ exit_code: 2 });
  await expect(locateStack("staging", dir, {})).rejects.toThrow("PRISM_URL and PRISM_API_SECRET not set");
});
