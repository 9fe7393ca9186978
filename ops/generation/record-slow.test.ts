/** Who may go on with a switch that another machine began: nobody while it gives signs of life, anybody after it has been silent. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { directoryStorage } from "../storage/directory-storage.ts";
import type { Storage } from "../storage/storage.ts";
import { RecordFile, readRecord, type SwitchRecord } from "./record.ts";

let folder: string;
let storage: Storage;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "prism-record-"));
  storage = directoryStorage(folder);
});
afterEach(() => rmSync(folder, { recursive: true }));

const { signal } = new AbortController();
const fresh = (): SwitchRecord => ({
  step: "create",
  begun_at_ms: 1,
  holder: { host: "", pid: 0, machine: null },
  signs: 0,
  database: { from: 1, to: 2, fill: "copy", is_return: false, state: {} },
  vectors: null,
  embedding_model: null,
  opened: null,
});

/** As if another machine had begun it: of its process number nothing is known here. */
async function moveElsewhere(file: RecordFile): Promise<void> {
  file.value.holder = { host: "elsewhere", pid: 1, machine: "another start of another system" };
  await file.save();
}

test("one that another machine is at work on is not taken over, and is when its process has been silent", async () => {
  const theirs = await RecordFile.open(storage, signal, fresh);
  await moveElsewhere(theirs);
  theirs.value.step = "fenced";
  await expect(RecordFile.open(storage, signal, fresh)).rejects.toMatchObject({
    exit_code: 3,
    reason: "busy",
    parts: { cause: "elsewhere process 1 works on one" },
  });
  // A sign of life says where it was, not where it is about to be.
  expect((await readRecord(storage, signal))?.value.step).toBe("create");

  theirs.close();
  const ours = await RecordFile.open(storage, signal, fresh);
  expect(ours.value).toMatchObject({ step: "create", begun_at_ms: 1, holder: { pid: process.pid } });
  await expect(theirs.save()).rejects.toMatchObject({ reason: "busy" });
  await ours.remove();
  expect(await readRecord(storage, signal)).toBeNull();
});
