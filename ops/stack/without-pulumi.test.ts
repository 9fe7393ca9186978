/** A stack that is not local, on a machine with a token and no engine. Its account is a platform that names things as production does. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { BUCKETS } from "../../infra/inventory.ts";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { type Run, runCommand } from "../command/run-cli.fixture.ts";
import { locateStack } from "./locate.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let dir: string;
let platform: Platform;
/** Of a repository in the account's own bucket, with one snapshot. */
let key: string;
let first: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "without-pulumi-"));
  platform = await startPlatform({ data_dir: join(dir, "account"), api_budget: false });
  const { stdout } = await runCommand(["backup", "create", "--data", join(dir, "account"), "--json"]);
  first = JSON.parse(stdout).snapshot.id;
  const keys = join(dir, "account/backup-keys");
  key = join(keys, (await readdir(keys)).find((name) => name.endsWith("-local.json")) ?? "");
});
afterAll(async () => {
  await platform?.close();
  await rm(dir, { recursive: true });
});

/** Neither on PATH nor built below the home directory is there an engine. */
const machine = () => ({ PATH: dirname(process.execPath), HOME: dir, XDG_CACHE_HOME: dir });

function bare(words: readonly string[], env: Record<string, string>): Promise<Run> {
  const nothing = { CLOUDFLARE_API_TOKEN: "", CLOUDFLARE_ACCOUNT_ID: "", CLOUDFLARE_BASE_URL: platform.api_url };
  const args = [...words, "--stack", "production", "--data", join(dir, "runner"), "--json"];
  return runCommand(args, { ...nothing, ...machine(), ...env });
}

/** What `infra/tokens.ts` grants the backup's token on the account; objects of buckets come besides. */
const BACKUP_PERMISSIONS = ["D1 Write", "Vectorize Read", "Workers KV Storage Read", "Workers Scripts Read"];

const objectsOf = (account_id: string) =>
  Object.fromEntries(
    Object.values(BUCKETS).map(({ name }) => [`com.cloudflare.edge.r2.bucket.${account_id}_default_${name}`, "*"]),
  );

async function backupToken(): Promise<string> {
  const { account_id, api_url, api_token: token } = platform;
  const api = createCloudflare({ api_url, account_id, token }, { signal: new AbortController().signal });
  const groups: { id: string }[] = [];
  for await (const { id = "", name, scopes } of api.accounts.tokens.permissionGroups.list({ account_id }))
    if (scopes?.includes("com.cloudflare.api.account") && BACKUP_PERMISSIONS.includes(name ?? "")) groups.push({ id });
  const resources = { [`com.cloudflare.api.account.${account_id}`]: "*" };
  const policies = [{ effect: "allow" as const, permission_groups: groups, resources }];
  for await (const { id = "", name } of api.accounts.tokens.permissionGroups.list({ account_id }))
    if (name === "Workers R2 Storage Bucket Item Write")
      policies.push({ effect: "allow", permission_groups: [{ id }], resources: objectsOf(account_id) });
  return (await api.accounts.tokens.create({ account_id, name: "backup", policies })).value ?? "";
}

async function answered(words: readonly string[], env: Record<string, string>) {
  const { code, stdout, stderr } = await bare(words, env);
  const data = JSON.parse(stdout || "{}");
  expect(code, `${stderr}${stdout}`).toBe(0);
  return data;
}

async function refused(
  words: readonly string[],
  env: Record<string, string>,
): Promise<{ cause: string; hint: string }> {
  const { code, stdout } = await bare(words, env);
  expect(code).toBe(2);
  return JSON.parse(stdout).error;
}

test("backups are listed with everything set that a person is asked for, and with the token alone", async () => {
  const token = { CLOUDFLARE_API_TOKEN: platform.api_token };
  const account = { CLOUDFLARE_ACCOUNT_ID: platform.account_id };
  const worker = { PRISM_URL: "http://127.0.0.1:1", PRISM_API_SECRET: "secret" };
  const all = await answered(["backup", "list", "--key-file", key], { ...worker, ...token, ...account });
  expect(all.snapshots).toEqual([expect.objectContaining({ id: first })]);
  expect(await answered(["backup", "list", "--key-file", key], token)).toEqual(all);
});

test("a backup's own token is enough for a backup: it reads no queue, and goes without Pulumi's state", async () => {
  const env = { CLOUDFLARE_API_TOKEN: await backupToken() };
  const { code, stdout, stderr } = await bare(["backup", "create", "--key-file", key], env);
  expect(code, `${stderr}${stdout}`).toBe(0);
  expect(stderr).toContain("without Pulumi's state of the stack: there is no `pulumi` on PATH");
  expect(JSON.parse(stdout).summary).toMatchObject({ stack: "production", database: { name: "prism-db-g1" } });
});

test("the account tells where the Worker answers; for the secret alone is a person asked, and only where it is needed", async () => {
  const { api_token } = platform;
  const { signal } = new AbortController();
  const account = { CLOUDFLARE_API_TOKEN: api_token, CLOUDFLARE_BASE_URL: platform.api_url };
  const env = { ...machine(), ...account, PRISM_API_SECRET: "s" };
  const service = async () => (await locateStack("production", dir, env, signal)).service();
  expect(await service()).toEqual({ url: "https://prism.prism-local.workers.dev", secret: "s" });
  const { account_id } = platform;
  const api = createCloudflare({ api_url: platform.api_url, account_id, token: api_token }, { signal });
  await api.workers.scripts.subdomain.create("prism", { account_id, enabled: false });
  await expect(service()).rejects.toMatchObject({ parts: { hint: expect.stringContaining("export PRISM_URL=") } });
  await api.workers.scripts.subdomain.create("prism", { account_id, enabled: true });

  const { cause, hint } = await refused(["keys", "list"], { CLOUDFLARE_API_TOKEN: api_token });
  expect(cause).toBe("PRISM_API_SECRET is not set, and there is no `pulumi` on PATH");
  expect(hint).toMatch(/^export PRISM_API_SECRET=…, or install Pulumi/);
  expect((await refused(["keys", "list"], {})).hint).toMatch(/^export PRISM_URL=https:.* and PRISM_API_SECRET=…, or/);
});

test("what only the engine can do says that it is missing, and hints at nothing that does not help", async () => {
  const env = { PRISM_URL: platform.url, PRISM_API_SECRET: "secret", CLOUDFLARE_API_TOKEN: platform.api_token };
  expect(await refused(["drift"], env)).toMatchObject({
    cause: "there is no `pulumi` on PATH",
    hint: "install Pulumi (https://www.pulumi.com/docs/install/)",
  });
  expect(await answered(["generation", "list"], env)).toMatchObject({ stack: "production" });
});
