/** Every way to restore and to undo it, through the command line, on one platform with a small corpus and a directory as repository. */
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { liveOf } from "../../infra/outputs.ts";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { EXTENT_TIMEOUT_MS, spread, TRIES_ALL } from "../backup/torture/extent.fixture.ts";
import { runCli } from "../command/run-cli.fixture.ts";
import { plannedRestore } from "./restore-plan.ts";
import { liveStack, stackState } from "./stack-state.fixture.ts";

let dir: string;
let service: Service;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "prism-restore-ways-"));
  service = await startService({ data_dir: dir });
  const documents = Array.from({ length: 12 }, (_, index) => ({
    id: `stock/${index}`,
    text: `# Shelf ${index}\n\nShelf ${index} holds what number ${index} of the list says. `.repeat(9),
    metadata: { collection: index % 2 === 0 ? "even" : "odd" },
  }));
  const { json } = await service.call("POST", "/api/v1/documents/batch", { documents });
  await service.job(json.job_id);
  await config("flag", "on");
});
afterAll(async () => {
  await service.close();
  await rm(dir, { recursive: true });
});

async function ops(...words: string[]) {
  const on = ["--repository", join(dir, "vault"), "--data", dir, "--json"];
  const { code, stdout, stderr } = await runCli([...words, ...(words[1] === "undo" ? on.slice(2) : on)]);
  return { code, stderr, ...JSON.parse(stdout) };
}

async function config(key: string, value: string | null): Promise<void> {
  const { api, account_id, resources } = await liveStack(service.platform, dir);
  const namespace_id = resources.kv.config;
  if (value === null) await api.kv.namespaces.values.delete(key, { account_id, namespace_id });
  else await api.kv.namespaces.values.update(key, { account_id, namespace_id, value });
}

/** What an operator regrets. */
async function damage(): Promise<void> {
  await service.call("DELETE", "/api/v1/documents/stock%2F3");
  await service.call("PUT", "/api/v1/documents/stock%2F4", { text: "Somebody wrote over it." });
  await config("flag", null);
  await config("other", "new");
}

/** Versions of the index only grow, and undoing leaves marks of backups. */
const content = (state: Record<string, string>) =>
  Object.fromEntries(Object.entries(state).filter(([name]) => !/^table (tenants|backup_marks)|^object/.test(name)));
const state = async () => content(await stackState(service.platform, dir));

let snapshot: string;
/** Files of its parts. */
let parts: string[];
let before: Record<string, string>;

test("a snapshot comes back in new generations while the old ones stay, and the restore can be undone", {
  timeout: 180_000,
}, async () => {
  const made = await ops("backup", "create");
  snapshot = made.snapshot.id;
  parts = (await readdir(join(dir, "vault", "epoch"), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.parentPath.includes("/parts/"))
    .map(({ parentPath, name }) => join(parentPath, name));
  before = await state();
  await damage();
  const damaged = await state();
  expect(damaged).not.toEqual(before);

  const { code, ...plan } = await ops("restore", "plan", snapshot);
  expect(code).toBe(0);
  const { stderr: _, ...shape } = plan;
  expect(plannedRestore.parse(shape)).toMatchObject({ method: "snapshot", refusals: [], database: { from: 1, to: 2 } });
  expect(await ops("restore", "apply", snapshot)).toMatchObject({ code: 3, error: { cause: "not confirmed" } });
  expect(await state()).toEqual(damaged);

  const applied = await ops("restore", "apply", snapshot, "--yes");
  expect(applied).toMatchObject({
    code: 0,
    restored: { database: { from: 1, to: 2 }, config: { written: 1, removed: 1 } },
  });
  expect(await state()).toEqual(before);
  expect((await service.call("GET", "/api/v1/documents/stock%2F3")).status).toBe(200);

  expect(await ops("restore", "undo", "--yes")).toMatchObject({ code: 0, database: { to: 1 }, vectors: { to: 1 } });
  expect(await state()).toEqual(damaged);
  expect(await ops("restore", "undo", "--yes")).toMatchObject({ code: 3, error: { cause: "there is none" } });
});

test("a moment that Time Travel reaches is gone back to in place, with the vectors of that moment", {
  timeout: 180_000,
}, async () => {
  const damaged = await state();
  const { api, account_id, resources } = await liveStack(service.platform, dir);
  const live = liveOf(resources.database);
  // The local platform keeps a state when it is asked for a bookmark.
  await api.d1.database.timeTravel.getBookmark(live?.id ?? "", { account_id });
  const at = new Date().toISOString();
  await service.call("DELETE", "/api/v1/documents/stock%2F5");
  const applied = await ops("restore", "apply", "--at", at, "--yes");
  expect(applied).toMatchObject({ code: 0, plan: { method: "time travel", in_place: true } });
  expect(await state()).toEqual(damaged);
  expect(await ops("restore", "undo", "--yes")).toMatchObject({ code: 0 });
  expect((await service.call("GET", "/api/v1/documents/stock%2F5")).status).toBe(404);
});

test("so are tables that were dropped since, some or all of them, and an answer that was cached since is not served", {
  timeout: 180_000,
}, async () => {
  const whole = await state();
  const { api, account_id, resources } = await liveStack(service.platform, dir);
  const id = liveOf(resources.database)?.id ?? "";
  const run = async (sql: string) => {
    const rows: unknown[] = [];
    for await (const { results = [] } of api.d1.database.query(id, { account_id, sql })) rows.push(...results);
    return rows as { name: string; index_version: number }[];
  };
  const version = async () =>
    (await run("SELECT index_version FROM tenants WHERE tenant = 'default'"))[0]?.index_version;
  const tables = await run(
    "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'",
  );
  expect(tables.length).toBeGreaterThan(10);
  for (const dropped of [[{ name: "tenants" }], tables]) {
    const before_version = (await version()) ?? 0;
    await api.d1.database.timeTravel.getBookmark(id, { account_id });
    const at = new Date().toISOString();
    await run(`PRAGMA defer_foreign_keys = on; ${dropped.map(({ name }) => `DROP TABLE "${name}";`).join(" ")}`);
    const applied = await ops("restore", "apply", "--at", at, "--yes");
    expect(applied, applied.stderr).toMatchObject({ code: 0, plan: { method: "time travel" } });
    expect(await state()).toEqual(whole);
    expect(await version()).toBeGreaterThan(before_version);
  }
});

test("a snapshot comes back in place after one was made of what is there, and Time Travel is the undo", {
  timeout: 180_000,
}, async () => {
  const damaged = await state();
  expect(damaged).not.toEqual(before);
  const applied = await ops("restore", "apply", snapshot, "--in-place", "--yes");
  expect(applied).toMatchObject({ code: 0, restored: { snapshot_before: expect.stringMatching(/^[0-9a-f]{16}$/) } });
  expect(await state()).toEqual(before);
  expect(await ops("restore", "undo", "--yes")).toMatchObject({ code: 0, config: { written: 1, removed: 1 } });
  expect(await state()).toEqual(damaged);
});

/** Some parts are read for the plan, some are seen by it, and bytes that changed are found by the check before the work. */
async function refusedWithout(part: string): Promise<void> {
  const whole = await readFile(part);
  await truncate(part, 10);
  const verified = await ops("backup", "verify", snapshot);
  expect(verified).toMatchObject({ code: 1, passed: false });
  expect(verified.findings.map(({ object }: { object: string }) => object).join()).toContain(basename(part));
  const refused = await ops("restore", "apply", snapshot, "--yes");
  expect(refused).toMatchObject({ code: 3, error: expect.anything() });
  expect(`${refused.error.subject} ${refused.error.cause}`).toContain(basename(part));
  await writeFile(part, whole.with(-1, (whole.at(-1) ?? 0) ^ 1));
  expect(await ops("restore", "apply", snapshot, "--yes")).toMatchObject({ code: 3 });
  await writeFile(part, whole);
}

const PARTS_TRIED = 4;

test(`a damaged snapshot is refused by name, before anything is touched, and verify says the same (${TRIES_ALL ? "all" : PARTS_TRIED} parts)`, {
  timeout: EXTENT_TIMEOUT_MS,
}, async () => {
  expect(await ops("backup", "verify", snapshot)).toMatchObject({ code: 0, passed: true, level: "restore" });
  const untouched = await state();
  for (const part of spread(parts, PARTS_TRIED)) await refusedWithout(part);
  expect(await state()).toEqual(untouched);
});
