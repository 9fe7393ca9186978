import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCli } from "../command/run-cli.fixture.ts";
import { directoryStorage } from "../storage/directory-storage.ts";
import { initRepository } from "./repository/key-administration.ts";
import { type BackupKey, formatKey, joinKeys } from "./repository/key-file.ts";
import { openRepository } from "./repository/open-repository.ts";

const DAY_MS = 86_400_000;
let dir: string;
let key: BackupKey;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "prism-prune-"));
  const { signal } = new AbortController();
  const keys = await initRepository(directoryStorage(join(dir, "vault")), { escrow: "e", writer: "w" }, 0, signal);
  key = joinKeys(keys.writer, keys.escrow);
  await writeFile(join(dir, "key.json"), formatKey(key));
});
afterEach(() => rm(dir, { recursive: true }));

const open = (now_ms: number) => openRepository(directoryStorage(join(dir, "vault")), key, { now: () => now_ms });

async function snapshotAt(at_ms: number, text: string): Promise<string> {
  const repository = await open(at_ms);
  const writer = await repository.beginSnapshot({ tool: "test 1" });
  await writer.putPart("text", Buffer.from("in all of them"));
  await writer.putPart("text", Buffer.from(text));
  const { id } = await writer.commit({ summary: {}, body: {} });
  await repository.close();
  return id;
}

async function prune(...words: string[]) {
  const on = ["--repository", join(dir, "vault"), "--key-file", join(dir, "key.json"), "--data", join(dir, "data")];
  const { code, stdout } = await runCli(["backup", "prune", ...on, "--json", ...words]);
  return { code, ...JSON.parse(stdout) };
}

test("prune says why each snapshot stays or goes, asks, spares what was verified or is being restored, and is done once", async () => {
  const noon = Date.UTC(2026, 0, 15, 12);
  const verified = await snapshotAt(noon - 3 * DAY_MS, "verified");
  const read = await snapshotAt(noon - 2 * DAY_MS, "being read");
  const old = await snapshotAt(noon - DAY_MS, "old");
  const newest = await snapshotAt(noon, "newest");
  const repository = await open(Date.now());
  await repository.recordVerification(verified, "restore");
  const lease = await repository.leaseForRestore([read]);
  const rule = ["--daily", "1", "--weekly", "0", "--monthly", "0", "--yearly", "0"];

  const { plan, verdicts, removed } = await prune(...rule, "--dry-run");
  expect(removed).toBeNull();
  expect(verdicts).toMatchObject([
    {
      id: newest,
      keep: true,
      reasons: ["the newest", "the newest that passed the check of structure", "daily 1 of 1: 2026-01-15"],
    },
    { id: old, keep: false, reasons: ["older than all days, weeks, months and years to keep"] },
    { id: read, keep: false },
    { id: verified, keep: true, reasons: expect.arrayContaining(["the newest that passed the check of a restore"]) },
  ]);
  expect(plan).toMatchObject({ remove: [old], in_use: [{ id: read, by: expect.stringMatching(/^restore by /) }] });
  expect((await prune(...rule)).error.hint).toMatch(/--yes/);

  expect((await prune(...rule, "--yes")).removed.snapshots_removed).toEqual([old]);
  await lease.release();
  expect((await prune(...rule, "--yes")).removed.snapshots_removed).toEqual([read]);
  expect((await prune(...rule, "--yes")).removed).toMatchObject({ snapshots_removed: [], objects_removed: 0 });
  expect((await repository.listSnapshots()).map(({ id }) => id)).toEqual([newest, verified]);
  expect((await repository.verifyData(100)).findings.filter(({ severity }) => severity === "damage")).toEqual([]);
  await repository.close();
});
