/** A check that never passes, in a restore that is otherwise equal: every command names it, and there is a way back and a way on. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BUCKETS } from "../../infra/inventory.ts";
import { LostStack } from "./lost-stack.fixture.ts";
import { destroyStores, liveStack, stackState } from "./stack-state.fixture.ts";

/** FTS5 can compare no index with content that is another one each time. */
const DICE = [
  "CREATE VIEW dice AS SELECT id, hex(randomblob(8)) AS text FROM documents",
  "CREATE VIRTUAL TABLE dice_fts USING fts5 (text, content = 'dice', content_rowid = 'id')",
];
const NAMED = expect.stringMatching(/check full-text failed: index dice_fts/);
const OVERRULED = [{ check: "full-text", finding: expect.stringMatching(/^index dice_fts/) }];
const ACCEPT = ["--accept-failed-check", "full-text"];

let stack: LostStack;
let before: Record<string, string>;
beforeEach(async () => {
  stack = await LostStack.start();
  await stack.put([{ id: "1", title: "Übersicht der Anlagen", text: "Übersicht der Anlagen" }]);
  const { database } = await liveStack(stack.service.platform, stack.dir);
  for (const sql of DICE) await database.batch([{ sql }]);
  const created = await stack.ops("backup", "create");
  expect(created, created.stderr).toMatchObject({ code: 0, snapshot: { verified: { level: "structure" } } });
  before = await stackState(stack.service.platform, stack.dir);
});
afterEach(() => stack.close());

/** Whether the restore is remembered with what was overruled, and its snapshot not called good. */
async function expectRecorded(): Promise<void> {
  const bucket = await stack.service.platform.runtime.r2(BUCKETS.vectors.name);
  const record = await (await bucket.get("generations/restore.json"))?.json();
  expect(record).toMatchObject({ phase: "done", overruled: OVERRULED });
  const journal = (await readFile(join(stack.dir, "journal.jsonl"), "utf8")).trim().split("\n");
  const entries = journal.map((line) => JSON.parse(line));
  expect(entries.findLast(({ action }) => action === "restore apply")).toMatchObject({
    detail: { overruled: OVERRULED },
  });
  const { snapshots } = await stack.ops("backup", "list");
  expect(snapshots).toMatchObject([{ verified: null }]);
}

test("all stores are lost: verify, drill, apply and --resume name it, cancel gives up, overruling goes on", async () => {
  expect(await stack.ops("backup", "verify")).toMatchObject({ code: 1, differences: [NAMED] });
  expect(await stack.ops("drill")).toMatchObject({ code: 1, differences: [NAMED] });
  await destroyStores(stack.service.platform, stack.dir);
  const failed = { code: 1, error: { cause: NAMED, hint: expect.stringContaining(ACCEPT.join(" ")) } };
  expect(await stack.ops("restore", "apply", "--yes")).toMatchObject(failed);
  expect(await stack.ops("restore", "apply", "--resume", "--yes")).toMatchObject(failed);

  expect(await stack.ops("generation", "cancel")).toMatchObject({ code: 0, dropped: ["database g2", "vectors g2"] });
  expect(await stack.ops("restore", "apply", "--resume", "--yes")).toMatchObject({
    code: 3,
    error: { cause: "none was interrupted" },
  });
  expect(await stack.ops("restore", "apply", "--yes")).toMatchObject(failed);
  const unknown = await stack.ops("restore", "apply", "--resume", "--accept-failed-check", "rows", "--yes");
  expect(unknown.code).toBe(2);
  const applied = await stack.ops("restore", "apply", "--resume", ...ACCEPT, "--yes");
  expect(applied, applied.stderr).toMatchObject({ code: 0, restored: { overruled: OVERRULED } });
  expect(await stackState(stack.service.platform, stack.dir)).toEqual(before);
  await expectRecorded();
});

test("beside a living database and in place, too", async () => {
  await stack.service.call("PUT", "/api/v1/documents/1", { text: "Somebody wrote over it." });
  const { "table tenants": _, "table backup_marks": __, ...rest } = before;
  const beside = await stack.ops("restore", "apply", ...ACCEPT, "--yes");
  expect(beside, beside.stderr).toMatchObject({ code: 0, restored: { overruled: OVERRULED } });
  expect(await stackState(stack.service.platform, stack.dir)).toMatchObject(rest);
  await expectRecorded();

  const { snapshots } = await stack.ops("backup", "list");
  const id = snapshots.at(-1).id;
  expect(await stack.ops("restore", "apply", id, "--in-place", "--yes")).toMatchObject({
    code: 1,
    error: { cause: NAMED },
  });
  const inPlace = await stack.ops("restore", "apply", "--resume", ...ACCEPT, "--yes");
  expect(inPlace, inPlace.stderr).toMatchObject({ code: 0, restored: { overruled: OVERRULED } });
  expect(await stackState(stack.service.platform, stack.dir)).toMatchObject(rest);
});
