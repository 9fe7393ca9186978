/** What an interrupted switch has left, as another release may have left it. */
import { mkdtempSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MACHINE } from "../machine.ts";
import { readRestoreRecord, writeRestoreRecord } from "../restore/restore-record.ts";
import { directoryStorage } from "../storage/directory-storage.ts";
import { RecordFile, readRecord, writeWayBack } from "./record.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "prism-kept-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test.each(['{"step":"a step to come"}', '{"step":"fil'])(
  "%s is nobody's of this release, and it says whose",
  async (text) => {
    const storage = directoryStorage(folder);
    const { signal } = new AbortController();
    for (const name of ["switch", "restore"])
      await storage.create(`generations/${name}.json`, Buffer.from(text), signal);
    const refused = { exit_code: 3, parts: { hint: expect.stringContaining("another release has written it") } };
    await expect(readRecord(storage, signal)).rejects.toMatchObject(refused);
    await expect(readRestoreRecord(storage, signal)).rejects.toMatchObject(refused);
  },
);

test("fields of a newer release survive what this one writes", async () => {
  const storage = directoryStorage(folder);
  const { signal } = new AbortController();
  const read = async (name: string) =>
    JSON.parse((await storage.read(`generations/${name}.json`, signal)).body.toString());
  const put = (name: string, value: object) =>
    storage.create(
      `generations/${name}.json`,
      Buffer.from(JSON.stringify({ ...value, of_later: { kept: [1] } })),
      signal,
    );
  const generations = { database: 1, vectors: 1 };
  await put("restore", {
    ...{ method: "in place", source: "s", state_at: "2026-01-01T00:00:00Z", phase: "begun", begun_at_ms: 1 },
    ...{ before: generations, moved: null, bookmark: "b", snapshot_before: null, emptied: false },
    ...{ index_versions: null, config_before: null },
  });
  const restore = await readRestoreRecord(storage, signal);
  if (restore === null) throw new Error("no record");
  await writeRestoreRecord(storage, { ...restore, phase: "done" }, signal);
  expect(await read("restore")).toMatchObject({ phase: "done", of_later: { kept: [1] } });

  await put("switch", {
    ...{ step: "fill", begun_at_ms: 1, holder: { host: hostname(), pid: process.pid, machine: MACHINE } },
    ...{ database: null, vectors: null },
  });
  const file = await RecordFile.open(storage, signal, () => {
    throw new Error("there is one");
  });
  file.close();
  expect(await read("switch")).toMatchObject({ signs: 1, of_later: { kept: [1] } });
});

test("the way back of a switch that was concluded twice is one way: its window began then, and fields of a newer release stay", async () => {
  const storage = directoryStorage(folder);
  const { signal } = new AbortController();
  const key = "generations/undo-database.json";
  const read = async () => JSON.parse((await storage.read(key, signal)).body.toString());
  const way = (to: number, at_ms: number) => ({
    ...{ store: "database" as const, from: to - 1, to, at_ms, seq: at_ms, embedding_model: null },
  });
  await writeWayBack(storage, way(2, 1), [1, 2], signal);
  const { etag } = await storage.read(key, signal);
  await storage.replace(key, Buffer.from(JSON.stringify({ ...(await read()), of_later: 1 })), etag, signal);
  await writeWayBack(storage, way(2, 5), [1, 2], signal);
  expect(await read()).toMatchObject({ from: 1, to: 2, at_ms: 1, seq: 5, of_later: 1, left: [] });
  // Another switch is another way: what was said of the one before is not true of it.
  await writeWayBack(storage, way(3, 9), [1, 2, 3], signal);
  expect(await read()).toEqual({ ...way(3, 9), left: [{ generation: 1, at_ms: 1 }] });
});
