import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OPTIONAL_SECRETS, SECRETS } from "../../infra/inventory.ts";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { newsIn, runCli } from "../command/run-cli.fixture.ts";
import { stateUrl } from "../stack/pulumi-engine.ts";

const ROOT = join(import.meta.dirname, "../..");

let dir: string;
let platform: Platform;
let env: Record<string, string>;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "bootstrap-"));
  platform = await startPlatform({ account: "empty", api_budget: false });
  for (const file of ["Pulumi.yaml", "Pulumi.staging.yaml"]) await copyFile(join(ROOT, file), join(dir, file));
  env = {
    CLOUDFLARE_API_TOKEN: platform.api_token,
    CLOUDFLARE_BASE_URL: platform.api_url,
    PULUMI_BACKEND_URL: stateUrl(platform.s3_url),
    PULUMI_HOME: join(dir, "home"),
  };
});
afterAll(async () => {
  await platform?.close();
  await rm(dir, { recursive: true, force: true });
});

const bootstrap = async (words: string[] = [], more: Record<string, string> = {}) => {
  const fixed = ["bootstrap", "--stack", "staging", "--project", dir, "--data", join(dir, "data"), "--json"];
  const run = await runCli([...fixed, ...words], { ...env, ...more });
  return { ...run, data: JSON.parse(run.stdout) };
};
const configuration = () => readFile(join(dir, "Pulumi.staging.yaml"), "utf8");
const statesOf = ({ steps }: { steps: { what: string; state: string }[] }) =>
  [...new Set(steps.map(({ state }) => state))].join();

test("an empty account gets a bucket, a token and a configuration, once; again there is nothing to do", async () => {
  const before = await configuration();
  const dry = await bootstrap(["--dry-run"]);
  expect([dry.code, statesOf(dry.data), await configuration()]).toEqual([0, "missing", before]);
  expect((await bootstrap()).code).toBe(3);

  const made = await bootstrap(["--yes"]);
  expect([made.code, newsIn(made.stderr)]).toEqual([0, []]);
  expect(statesOf(made.data)).toBe("made");
  const written = await configuration();
  expect(written).toContain(platform.account_id);
  for (const name of SECRETS.filter((secret) => !OPTIONAL_SECRETS.has(secret)))
    expect(written).toMatch(new RegExp(`prism:${name}:\n +secure: `));
  expect(written).not.toContain(made.data.deploy_token);

  const again = await bootstrap(["--yes"]);
  expect([again.code, statesOf(again.data), again.data.deploy_token]).toEqual([0, "there", null]);
  expect(await configuration()).toBe(written);
});

test("the token that it makes may do what a deployment needs and no more", async () => {
  const scopes = platform.runtime.registry.list("account_token").flatMap(({ policies }) => policies);
  expect(scopes.flatMap((policy) => policy.permission_groups.map(({ name }) => name))).toEqual(
    expect.arrayContaining(["D1 Write", "Workers Scripts Write"]),
  );
  expect(scopes.flatMap((policy) => policy.permission_groups.map(({ name }) => name))).not.toContain(
    "Account Settings Write",
  );
});

test("half a bootstrap whose token is lost is refused with the way on, not repeated over it", async () => {
  await copyFile(join(ROOT, "Pulumi.staging.yaml"), join(dir, "Pulumi.staging.yaml"));
  const { code, data } = await bootstrap(["--yes"]);
  expect([code, data.error.cause]).toEqual([3, expect.stringContaining("cannot be read")]);
  expect(data.error.hint).toContain("PRISM_DEPLOY_TOKEN");
});

test("without a token the error says which one to export", async () => {
  const { code, data } = await bootstrap([], { CLOUDFLARE_API_TOKEN: "" });
  expect([code, data.error.cause]).toEqual([3, "CLOUDFLARE_API_TOKEN is not set"]);
});
