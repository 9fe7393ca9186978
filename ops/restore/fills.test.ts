import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readManifest } from "../backup/manifest.ts";
import { serviceDatabase } from "../backup/snapshot/snapshot-rig.fixture.ts";
import type { Taken } from "../backup/snapshot/take.ts";
import { Vault } from "../backup/torture/vault.fixture.ts";
import { createProgress } from "../command/progress.ts";
import { sqliteD1 } from "../d1/sqlite-connection.ts";
import type { DerivedCheck, FailedCheck } from "./derived-checks.ts";
import { fillDatabase } from "./fills.ts";

let vault: Vault;
let taken: Taken;
let target: DatabaseSync;
let recorded: FailedCheck[];
beforeEach(async () => {
  vault = await Vault.make();
  serviceDatabase(3, vault.database);
  taken = await vault.take();
  target = new DatabaseSync(":memory:");
  recorded = [];
  await fill(null);
});
afterEach(() => {
  target.close();
  vault.remove();
});

/** As a restore does it, or does it again: what was loaded before is compared once more. */
async function fill(accepts: DerivedCheck | null) {
  return vault.open(async (repository) => {
    const snapshot = await repository.openSnapshot(taken.info.id);
    const to = { generation: 2, name: "prism-db-g2", connection: sqliteD1(target) };
    const progress = createProgress({ write: () => true }, () => performance.now());
    return fillDatabase(
      { snapshot, manifest: await readManifest(snapshot) },
      [],
      { target: to, progress, signal: new AbortController().signal },
      {
        accepts,
        async record(failed) {
          recorded.push(...failed);
        },
      },
    );
  });
}

const BREAK_INDEX = "INSERT INTO chunks_fts (chunks_fts) VALUES ('delete-all')";

test("a full-text index that is not what its rows say ends a restore, which names the check and the way out", async () => {
  target.exec(BREAK_INDEX);
  await expect(fill(null)).rejects.toMatchObject({
    exit_code: 1,
    parts: {
      cause: expect.stringMatching(/^every row is what it was, but check full-text failed: index chunks_fts /),
      hint: expect.stringContaining("--resume --accept-failed-check full-text"),
    },
  });
  expect(recorded).toEqual([]);
});

test("overruled, it is written down and the restore goes on", async () => {
  target.exec(BREAK_INDEX);
  expect(await fill("full-text")).toMatchObject({ tables: expect.any(Number) });
  expect(recorded).toEqual([{ check: "full-text", finding: expect.stringContaining("chunks_fts") }]);
});

test("overruling what does not fail leaves no trace", async () => {
  await fill("full-text");
  expect(recorded).toEqual([]);
});

test.each([
  { what: "another row", sql: "UPDATE documents SET title = 'Another'" },
  { what: "a missing row", sql: "DELETE FROM chunks WHERE id = 2" },
  { what: "a missing index", sql: "DROP INDEX chunks_by_pack" },
])("$what cannot be overruled", async ({ sql }) => {
  target.exec(`${sql}; ${BREAK_INDEX}`);
  await expect(fill("full-text")).rejects.toThrow(/differs from the snapshot/);
  expect(recorded).toEqual([]);
});
