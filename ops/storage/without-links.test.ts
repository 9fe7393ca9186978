/** A repository on a file system that gives a file one name only (exFAT on a disk for the safe), as the system's own answers stand for it. */

import { mkdtempSync, rmSync } from "node:fs";
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { directoryStorage } from "./directory-storage.ts";

const folder = mkdtempSync(join(tmpdir(), "prism-without-links-"));
const { signal } = new AbortController();
const { link } = fs;
beforeAll(() => {
  fs.link = async () => {
    throw Object.assign(new Error("EPERM: operation not permitted, link"), { code: "EPERM" });
  };
  syncBuiltinESMExports();
});
afterAll(() => {
  fs.link = link;
  syncBuiltinESMExports();
  rmSync(folder, { recursive: true });
});

test("objects are created whole, never one over another, however many try at once, and nothing of a try is left", async () => {
  const storages = Array.from({ length: 8 }, () => directoryStorage(folder));
  const tries = await Promise.allSettled(
    storages.map((storage, at) => storage.create("epoch/one", Buffer.from(`content ${at}`), signal)),
  );
  const won = tries.flatMap(({ status }, at) => (status === "fulfilled" ? [at] : []));
  expect(won).toHaveLength(1);
  for (const one of tries) if (one.status === "rejected") expect(one.reason).toMatchObject({ failure: "exists" });
  const { body } = await directoryStorage(folder).read("epoch/one", signal);
  expect(Buffer.from(body).toString()).toBe(`content ${won[0]}`);
  expect(await fs.readdir(join(folder, ".tmp"))).toEqual([]);
});
