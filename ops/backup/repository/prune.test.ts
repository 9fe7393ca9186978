import { readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { LOCKED_PREFIXES } from "../../../infra/locked-prefixes.ts";
import { CREDENTIALS, startS3 } from "../../../local/s3/s3-server.fixture.ts";
import { s3Storage } from "../../storage/s3-storage.ts";
import { initRepository } from "./key-administration.ts";
import { joinKeys } from "./key-file.ts";
import { openRepository } from "./open-repository.ts";
import { DECEMBER_MS, newRepository, snapshotOf, type TestRepository, textsOf } from "./repository.fixture.ts";

let made: TestRepository;
beforeEach(async () => {
  made = await newRepository();
});
afterEach(() => made.remove());

let s3: Awaited<ReturnType<typeof startS3>>;
beforeAll(async () => {
  s3 = await startS3();
  const { prefix, days } = LOCKED_PREFIXES.backups;
  const condition = { type: "Age" as const, maxAgeSeconds: days * 86_400 };
  s3.addBucket("locked", [{ id: "backups", enabled: true, prefix, condition }]);
});
afterAll(() => s3.close());

const locks = (): string[] => readdirSync(join(made.folder, "locks"));

test("what only removed snapshots need goes, and what others need stays", async () => {
  const repository = await made.open();
  const first = await snapshotOf(repository, ["a", "b"]);
  const second = await snapshotOf(repository, ["b", "c"]);
  const third = await snapshotOf(repository, ["c", "d"]);
  const plan = await repository.planPrune([second.id]);
  expect(plan).toMatchObject({ keep: [second.id], in_use: [] });
  expect(new Set(plan.remove)).toEqual(new Set([first.id, third.id]));
  const report = await repository.prune(plan);
  expect(report).toMatchObject({ objects_removed: plan.objects, bytes_removed: plan.bytes, locked: { objects: 0 } });
  expect(await textsOf(repository, second.id)).toEqual(["b", "c"]);
  expect(await repository.verifyData(100)).toMatchObject({ snapshots: 1, unreferenced: 0, findings: [] });
  expect((await snapshotOf(repository, ["e"])).counter).toBe(4);
  expect(locks()).toEqual([]);
});

test("the last snapshot is never removed, and an unknown one is never kept", async () => {
  const repository = await made.open();
  const { id } = await snapshotOf(repository, ["a"]);
  await expect(repository.planPrune([])).rejects.toMatchObject({ exit_code: 3 });
  await expect(repository.planPrune(["no such"])).rejects.toMatchObject({ exit_code: 3 });
  const plan = { keep: [], remove: [id], in_use: [], objects: 0, bytes: 0 };
  await expect(repository.prune(plan)).rejects.toThrow("no whole snapshot would be left");
});

test("a snapshot that is being restored stays, and goes when the restore has ended", async () => {
  const [repository, other] = [await made.open(), await made.open()];
  const old = await snapshotOf(repository, ["a"]);
  const newest = await snapshotOf(repository, ["b"]);
  const early = await repository.planPrune([newest.id]);
  const lease = await other.leaseForRestore([old.id]);
  expect((await repository.planPrune([newest.id])).in_use).toMatchObject([{ id: old.id }]);
  // A plan of before the restore removes nothing of it either.
  expect(await repository.prune(early)).toMatchObject({ snapshots_removed: [], objects_removed: 0 });
  expect(await textsOf(other, old.id)).toEqual(["a"]);
  await lease.release();
  expect((await repository.prune(await repository.planPrune([newest.id]))).snapshots_removed).toEqual([old.id]);
});

test("what a running backup has written or relies on stays, whatever is pruned beside it", async () => {
  const [repository, other] = [await made.open(), await made.open()];
  await snapshotOf(repository, ["a", "shared"]);
  const newest = await snapshotOf(repository, ["b"]);
  const writer = await other.beginSnapshot({ tool: "test/1" });
  const ids = [(await writer.putPart("text", Buffer.from("new"))).id];
  await repository.prune(await repository.planPrune([newest.id]));
  // In the epoch, though no snapshot that stays has it.
  ids.push((await writer.putPart("text", Buffer.from("shared"))).id);
  const { id } = await writer.commit({ summary: null, body: { ids } });
  expect(await textsOf(await made.open(), id)).toEqual(["new", "shared"]);
  expect((await (await made.open()).verifyData(100)).findings).toEqual([]);
});

test("beside a prune nobody begins anything, unless its owner is dead", async () => {
  const repository = await made.open();
  await snapshotOf(repository, ["a"]);
  const lease = { kind: "prune", owner: "elsewhere process 7", machine: null, process: 7, snapshots: [], epochs: [] };
  const path = join(made.folder, "locks", "0123456789abcdef");
  writeFileSync(path, JSON.stringify(lease));
  const refusal = { exit_code: 3, parts: { cause: "a prune is running (elsewhere process 7)" } };
  await expect(repository.beginSnapshot({ tool: "x" })).rejects.toMatchObject(refusal);
  await expect(repository.leaseForRestore([])).rejects.toMatchObject(refusal);
  expect(locks()).toEqual(["0123456789abcdef"]);
  const hour_ago_s = Date.now() / 1000 - 3_600;
  utimesSync(path, hour_ago_s, hour_ago_s);
  await snapshotOf(repository, ["b"]);
  expect(repository.warnings).toContainEqual(expect.stringContaining("elsewhere process 7 is dead"));
  expect(locks()).toEqual([]);
});

test("a backup whose lease was taken over does not commit", async () => {
  const repository = await made.open();
  const writer = await repository.beginSnapshot({ tool: "test/1" });
  await writer.putPart("text", Buffer.from("a"));
  rmSync(join(made.folder, "locks", writer.id));
  await expect(writer.commit({ summary: null, body: null })).rejects.toThrow("took its lease over");
  expect(await repository.listSnapshots()).toEqual([]);
});

test("a prune that would hide a loss is refused, until the loss is named", async () => {
  const repository = await made.open();
  const lost = await snapshotOf(repository, ["a"]);
  const newest = await snapshotOf(repository, ["b"]);
  const plan = await repository.planPrune([newest.id, lost.id]);
  rmSync(join(made.folder, made.objects().find((key) => key.endsWith(`-${lost.id}`)) ?? ""));
  const after = await made.open();
  await expect(after.prune(plan)).rejects.toThrow("would make it look as if they had been pruned");
  await after.prune(await after.planPrune([newest.id]));
  expect((await after.verifyData(100)).findings).toEqual([]);
});

test("what the bucket lock protects is skipped and said, and stays restorable", async () => {
  const credentials = { access_key_id: CREDENTIALS.accessKeyId, secret_access_key: CREDENTIALS.secretAccessKey };
  const storage = s3Storage({ endpoint: s3.url, bucket: "locked", prefix: "", credentials });
  const signal = new AbortController().signal;
  const keys = await initRepository(storage, { escrow: "escrow", writer: "nightly" }, Date.now(), signal);
  const repository = await openRepository(storage, joinKeys(keys.escrow, keys.writer), { now: () => DECEMBER_MS });
  const old = await snapshotOf(repository, ["a", "b"]);
  const newest = await snapshotOf(repository, ["b", "c"]);
  const plan = await repository.planPrune([newest.id]);
  const report = await repository.prune(plan);
  expect(report).toMatchObject({ snapshots_removed: [], objects_removed: 0, locked: { objects: 1 } });
  expect(await textsOf(repository, old.id)).toEqual(["a", "b"]);
  expect((await repository.verifyData(100)).findings).toEqual([]);
  // A month later the lock has ended.
  s3.clock.engine_ahead_ms = LOCKED_PREFIXES.backups.days * 86_400_000 + 3_600_000;
  const later = await repository.prune(await repository.planPrune([newest.id]));
  expect(later).toMatchObject({ snapshots_removed: [old.id], locked: { objects: 0 } });
  expect(await repository.verifyData(100)).toMatchObject({ snapshots: 1, unreferenced: 0, findings: [] });
  await repository.close();
  storage.close();
});
