/** What an interrupted switch has left, as another release may have left it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readRestoreRecord } from "../restore/restore-record.ts";
import { directoryStorage } from "../storage/directory-storage.ts";
import { readRecord } from "./record.ts";

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
