/** What `bootstrap` says before it does anything. What it makes is shown by `bootstrap-engine.test.ts`. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { runCommand } from "../command/run-cli.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "prism-bootstrap-"));
let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform({ account: "empty", api_budget: false });
});
afterAll(async () => {
  await platform?.close();
  rmSync(folder, { recursive: true, force: true });
});

const bootstrap = async (stack: string, words: string[], token: string) => {
  const fixed = ["bootstrap", "--stack", stack, "--project", folder, "--data", join(folder, "data"), "--json"];
  const env = { CLOUDFLARE_API_TOKEN: token, CLOUDFLARE_BASE_URL: platform.api_url };
  const { code, stdout } = await runCommand([...fixed, ...words], env);
  return { code, data: JSON.parse(stdout) };
};

test("an empty account lacks everything; a dry run says so and makes nothing, and without --yes nothing is made either", async () => {
  const { code, data } = await bootstrap("staging", ["--dry-run"], platform.api_token);
  expect([code, data.account_id, data.deploy_token]).toEqual([0, platform.account_id, null]);
  expect(new Set(data.steps.map(({ state }: { state: string }) => state))).toEqual(new Set(["missing"]));
  expect((await bootstrap("staging", [], platform.api_token)).code).toBe(3);
  expect(platform.runtime.registry.list("account_token")).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
});

test("the local stack is refused, and an account without a token", async () => {
  expect((await bootstrap("local", ["--dry-run"], platform.api_token)).data.error.hint).toContain("npm start");
  expect((await bootstrap("staging", ["--dry-run"], "")).data.error.cause).toBe("CLOUDFLARE_API_TOKEN is not set");
});
