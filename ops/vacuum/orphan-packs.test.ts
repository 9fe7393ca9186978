import { mkdtempSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, expect, test } from "vitest";
import { readMigrations } from "../../infra/migration-files.ts";
import { PACK_RETENTION_MS } from "../../worker/limits.ts";
import { sqliteD1 } from "../d1/sqlite-connection.ts";
import { directoryStorage } from "../storage/directory-storage.ts";
import type { Storage } from "../storage/storage.ts";
import { removeOrphanPacks } from "./orphan-packs.ts";

const folder = mkdtempSync(join(tmpdir(), "prism-orphans-"));
afterAll(() => rmSync(folder, { recursive: true }));

const { signal } = new AbortController();
const NOW_MS = Date.now();
const OLD_S = (NOW_MS - PACK_RETENTION_MS) / 1000 - 3_600;

test("a pack that is stored again while others are removed stays: its row may be there by now", async () => {
  const database = new DatabaseSync(":memory:");
  for (const { statements } of readMigrations()) for (const sql of statements) database.exec(sql);
  const bucket = directoryStorage(folder);
  const [first, again] = ["packs/m/a.pack", "packs/m/b.pack"];
  for (const key of [first, again]) {
    await bucket.create(key, new Uint8Array([1]), signal);
    utimesSync(join(folder, key), OLD_S, OLD_S);
  }
  const crowded: Storage = {
    ...bucket,
    remove: async (key, ending) => {
      await bucket.remove(key, ending);
      const { etag } = await bucket.look(again, signal);
      await bucket.replace(again, new Uint8Array([1]), etag, signal);
    },
  };
  const removed = await removeOrphanPacks(sqliteD1(database), crowded, { now_ms: NOW_MS, dry_run: false, signal });
  expect(removed).toEqual({ rows: 0, objects: 1, bytes: 1 });
  expect((await bucket.look(again, signal)).bytes).toBe(1);
  database.close();
});
