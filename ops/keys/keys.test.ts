import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { runCommand } from "../command/run-cli.fixture.ts";

let dir: string;
let platform: Platform;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "keys-"));
  platform = await startPlatform({ data_dir: dir });
});
afterAll(async () => {
  await platform.close();
  await rm(dir, { recursive: true });
});

const keys = (...args: string[]) => runCommand(["keys", ...args, "--data", dir]);
const read = async (key: string): Promise<number> =>
  (await fetch(`${platform.url}/api/v1/documents`, { headers: { authorization: `Bearer ${key}` } })).status;

test("a created key works at once, is listed without its secret, and is refused after revoking", async () => {
  const created = JSON.parse(
    (await keys("create", "--name", "docs", "--scopes", "read", "--expires", "90d", "--json")).stdout,
  );
  expect(created).toMatchObject({ name: "docs", scopes: ["read"], rate_tier: "standard", revoked_at: null });
  expect(Date.parse(created.expires_at) - Date.parse(created.created_at)).toBeGreaterThan(89 * 86_400_000);
  expect(await read(created.key)).toBe(200);

  const { stdout } = await keys("list");
  expect(stdout).toContain(`${created.id}\tdocs\tdefault\tread\tstandard`);
  const listed = await keys("list", "--json");
  expect(JSON.parse(listed.stdout).keys).toContainEqual(expect.objectContaining({ id: created.id, name: "docs" }));
  expect(stdout + listed.stdout).not.toContain(created.key);

  // What the service would refuse, a dry run does not promise.
  for (const wrong of [
    ["--name", " "],
    ["--name", "x", "--tenant", "Acme"],
  ])
    expect((await keys("create", ...wrong, "--dry-run")).code).toBe(2);
  expect((await keys("revoke", "000000000000", "--dry-run")).code).toBe(1);
  expect(JSON.parse((await keys("revoke", created.id, "--dry-run", "--json")).stdout).key.name).toBe("docs");
  expect(await read(created.key)).toBe(200);
  expect((await keys("revoke", created.id)).code).toBe(3);
  expect(await keys("revoke", created.id, "--yes")).toMatchObject({ code: 0, stdout: `Revoked ${created.id}\n` });
  await expect.poll(() => read(created.key), { timeout: 12_000 }).toBe(401);
});

test("a key for people is printed once with a note, and only to those who asked", async () => {
  const { stdout } = await keys("create", "--name", "other", "--tenant", "acme", "--scopes", "read,write");
  expect(stdout).toMatch(/^prism_[a-z0-9]+_[a-z0-9]+\n\(key [a-z0-9]+; it is not shown again\)\n$/);
});

test("what the service refuses is said with its reason and what to do", async () => {
  const { code, stderr } = await keys("create", "--name", "x", "--tenant", "Not A Tenant");
  expect(code).toBe(1);
  expect(stderr).toMatch(/Error: POST \/api\/v1\/keys: 400 .*lower-case letters.*\(request /);
  const unknown = (await keys("revoke", "000000000000", "--yes")).stderr;
  expect(unknown).toContain("404");
  expect(unknown).toContain("npm run ops -- keys list");
  const mistyped = await keys("revoke", "nope", "--yes");
  expect(mistyped).toMatchObject({ code: 2, stderr: expect.stringContaining("12 lower-case letters or digits") });
  expect(mistyped.stderr).toContain("npm run ops -- keys list");
});

test("the id may be given as the whole key, whose secret goes nowhere", async () => {
  const { key, id } = JSON.parse((await keys("create", "--name", "leaked", "--json")).stdout);
  const revoked = await keys("revoke", key, "--yes");
  expect(revoked).toMatchObject({ code: 0, stdout: `Revoked ${id}\n` });
});
