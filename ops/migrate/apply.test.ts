import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readMigrations } from "../../infra/migration-files.ts";
import { writeVersionNote } from "../../infra/version-note.ts";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { runCommand } from "../command/run-cli.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "prism-migrate-"));
let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform({ data_dir: folder, api_budget: false });
});
afterAll(async () => {
  await platform?.close();
  rmSync(folder, { recursive: true, force: true });
});

const migrate = async (...words: string[]) => {
  const { code, stdout } = await runCommand(["migrate", ...words, "--data", folder, "--json"]);
  return { code, data: JSON.parse(stdout) };
};
const newest = readMigrations().at(-1);
/** As a database is to which the newest migration has not come yet. */
const takeNewestBack = async () => {
  const revert = newest !== undefined && "statements" in newest.revert ? newest.revert.statements : [];
  const { uuid } = platform.runtime.registry.list("d1")[0] ?? { uuid: "" };
  const record = `DELETE FROM d1_migrations WHERE name = '${newest?.name}'`;
  await platform.runtime.queryD1(
    uuid,
    [...revert, record].map((sql) => ({ sql })),
  );
};
const newestState = async () => (await migrate("list")).data.migrations.at(-1);

test("a pending migration is told, planned, run once it is confirmed, and written into the audit record", async () => {
  await takeNewestBack();
  expect(await newestState()).toMatchObject({ name: newest?.name, state: "pending" });
  expect(await migrate("apply", "--dry-run")).toMatchObject({
    code: 0,
    data: { dry_run: true, applied: [newest?.name] },
  });
  expect((await migrate("apply")).code).toBe(3);
  expect(await newestState()).toMatchObject({ state: "pending" });
  expect(await migrate("apply", "--yes")).toMatchObject({ code: 0, data: { dry_run: false, applied: [newest?.name] } });
  expect(await newestState()).toMatchObject({ state: "applied" });
  const records = readFileSync(join(folder, "journal.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(records).toMatchObject([
    { action: "migrate apply", outcome: "refused" },
    { action: "migrate apply", outcome: "done", detail: { applied: [newest?.name] } },
  ]);
});

test("what the deployed version may need is not taken back, not even in a dry run", async () => {
  const { code, data } = await migrate("revert", "--dry-run");
  expect([code, data.error]).toMatchObject([3, { subject: newest?.name, hint: expect.stringContaining("rollback") }]);
});

test("once a release from before it serves, the newest migration is taken back when that is confirmed", async () => {
  const { registry } = platform.runtime;
  const before = readMigrations().at(-2)?.name ?? "";
  for (const { id, ...version } of registry.list("version"))
    registry.put("version", id, {
      id,
      ...version,
      annotations: { "workers/message": writeVersionNote({ schema: before, fingerprint: null }) },
    });
  expect(await migrate("revert", "--dry-run")).toMatchObject({ code: 0, data: { reverted: [newest?.name] } });
  expect((await migrate("revert")).code).toBe(3);
  expect(await newestState()).toMatchObject({ state: "applied" });
  expect(await migrate("revert", "--yes")).toMatchObject({
    code: 0,
    data: { dry_run: false, reverted: [newest?.name] },
  });
  expect(await newestState()).toMatchObject({ state: "pending" });
});
