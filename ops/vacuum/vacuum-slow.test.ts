/** Maintenance of a living service: what is due goes, nothing else, and callers notice nothing but a 202. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DAY_MS } from "../../infra/limits.ts";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { runCli } from "../command/run-cli.fixture.ts";
import { mixedTraffic } from "../generation/traffic.fixture.ts";
import { putStock } from "../service/stock.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "prism-vacuum-"));
let service: Service;
beforeAll(async () => {
  service = await startService({ data_dir: folder });
  await putStock(service);
}, 120_000);
afterAll(async () => {
  await service.close();
  rmSync(folder, { recursive: true, force: true });
});

async function ops(...words: string[]) {
  const { stdout, code } = await runCli([...words, "--data", folder, "--json"]);
  return { code, ...JSON.parse(stdout) };
}

async function query(name: string, ...statements: string[]) {
  const { runtime } = service.platform;
  const { uuid = "" } = runtime.registry.list("d1").find((one) => one.name === name) ?? {};
  const results = await runtime.queryD1(
    uuid,
    statements.map((sql) => ({ sql })),
  );
  return results.map(({ rows }) => rows[0]?.[0]);
}

const rowsOf = (removed: { what: string; rows: number }[]) =>
  Object.fromEntries(removed.map(({ what, rows }) => [what, rows]));

test("expired answers, old finished jobs and the log that nobody needs go; a dry run said so and changed nothing", async () => {
  const [old, recent] = [Date.now() - 100 * DAY_MS, Date.now() - DAY_MS / 2];
  const job = (id: string, at: number) => `INSERT INTO jobs VALUES ('${id}', 'default', 1, 1, ${at})`;
  const part = (id: string, state: string, at: number | null) =>
    `INSERT INTO job_parts VALUES ('${id}', 0, '${state}', '{}', ${at})`;
  await query(
    "prism-db-g1",
    ...[job("done", old), part("done", "done", old), job("waiting", old), part("waiting", "queued", null)],
    ...[job("late", old), part("late", "failed", recent)],
    `INSERT INTO idempotency VALUES ('k', 'old', 'h', 200, '', ${old}), ('k', 'new', 'h', 200, '', ${recent})`,
  );
  const nothing = await ops("vacuum", "--dry-run");
  expect(rowsOf(nothing.removed)).toEqual({
    "expired answers": 1,
    "finished jobs": 2,
    "change log": 0,
    "old ratings": 0,
    "old dead letters": 0,
  });
  expect(nothing.removed[2].because).toMatch(/no repository/);
  expect(nothing.vectors).toEqual({ orphans: 0, removed: 0 });

  const made = await ops("backup", "create");
  const planned = await ops("vacuum", "--dry-run");
  const counts = ["jobs", "idempotency", "change_log"].map((name) => `SELECT count(*) FROM ${name}`);
  const before = await query("prism-db-g1", ...counts);
  const { code, removed, vectors, full_text } = await ops("vacuum");
  expect([code, vectors]).toEqual([0, { orphans: 0, removed: 0 }]);
  expect(rowsOf(removed)).toEqual(rowsOf(planned.removed));
  expect(rowsOf(removed)["change log"]).toBeGreaterThan(60);
  expect(full_text).toEqual(["chunks_fts"]);
  const after = await query("prism-db-g1", ...counts);
  expect(before.map((count, at) => Number(count) - Number(after[at])).slice(0, 2)).toEqual([1, 1]);
  expect(
    await query("prism-db-g1", "SELECT group_concat(id) FROM jobs WHERE id IN ('done', 'late', 'waiting')"),
  ).toEqual(["late,waiting"]);
  // The next backup goes on from where the log begins now.
  expect((await ops("backup", "create")).summary).toMatchObject({ kind: "incremental", base: made.snapshot.id });
}, 120_000);

test("a rebuild needs a snapshot that a restore verified, and a yes; then it moves a living database and loses nothing", async () => {
  const log_begin = () => query("prism-db-g1", "SELECT min(seq) FROM change_log");
  const begin = await log_begin();
  for (const how of ["--dry-run", "--yes"]) {
    const unverified = await ops("vacuum", "--rebuild", how);
    expect([unverified.code, unverified.error.cause]).toEqual([3, expect.stringMatching(/verified by a restore/)]);
  }
  expect(await log_begin()).toEqual(begin);
  expect((await ops("backup", "verify")).level).toBe("restore");
  // A newer snapshot needs less of the change log than the rebuild does.
  await service.call("PUT", "/api/v1/documents/newer", { text: "Arrived after the snapshot that was verified." });
  await ops("backup", "create");
  expect((await ops("vacuum", "--rebuild")).error.hint).toMatch(/--yes/);

  const traffic = mixedTraffic(service);
  await traffic.underway();
  const { code, bytes_before, bytes_after, rebuilt } = await ops("vacuum", "--rebuild", "--yes");
  expect({ code, database: rebuilt?.database }).toMatchObject({ code: 0, database: { from: 1, to: 2 } });
  await traffic.underway();
  const seen = await traffic.stop();
  expect(seen.failed).toEqual([]);
  expect(seen.lost).toEqual([]);
  expect(Math.min(bytes_before, bytes_after)).toBeGreaterThan(0);
  const listed = await service.call("GET", "/api/v1/documents/stock%2F59");
  expect(listed.json.title).toBe("Stock 59");
  expect(await query("prism-db-g2", "SELECT count(*) FROM chunks")).toEqual([
    service.platform.vectorize.info("prism-chunks-g1").vectorCount,
  ]);
  // It is the same database to a backup: the log, its numbers and the mark came along.
  expect((await ops("backup", "create")).summary.kind).toBe("incremental");
  console.log(JSON.stringify({ bytes_before, bytes_after, fence_ms: rebuilt.fence_ms, requests: seen.requests }));
}, 240_000);
