import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { PART_BYTES_MAX } from "../../limits.ts";
import { Manifest } from "./manifest.ts";
import {
  DECEMBER_MS,
  NOVEMBER_MS,
  newRepository,
  snapshotOf,
  type TestRepository,
  textsOf,
} from "./repository.fixture.ts";
import { unverifiedJson } from "./signed.ts";

let made: TestRepository;
beforeEach(async () => {
  made = await newRepository();
});
afterEach(() => made.remove());

const parts = (): string[] => made.objects().filter((key) => key.includes("/parts/"));
const damagesOf = async (key = made.master) => (await (await made.open(key)).verifyData(100)).findings;

test("a manifest of an older release has no tags, and what a newer one adds is left out of account", async () => {
  const { id } = await snapshotOf(await made.open(), ["tagless"]);
  const object = made.objects().find((key) => key.includes("/manifests/") && key.endsWith(id)) ?? "";
  const manifest = unverifiedJson(readFileSync(join(made.folder, object)));
  const { tags, ...older } = z.looseObject({ tags: z.array(z.string()) }).parse(manifest);
  expect(tags).toEqual([]);
  expect(Manifest.parse({ ...older, of_a_newer_release: 1 })).toEqual(manifest);
});

test("what lies among the manifests and has no manifest's name is none", async () => {
  const { id } = await snapshotOf(await made.open(), ["whole"]);
  const manifest = made.objects().find((key) => key.includes("/manifests/")) ?? "";
  for (const name of [`${manifest}.bak`, `${manifest} (1)`, manifest.replace(/[^/]+$/, "Thumbs.db")])
    copyFileSync(join(made.folder, manifest), join(made.folder, name));
  const repository = await made.open();
  expect((await repository.openNewest())?.info.id).toBe(id);
  expect((await repository.verifyData(100)).findings).toEqual([]);
});

test("the same content is stored once, however often and however many put it", async () => {
  const repository = await made.open();
  const writer = await repository.beginSnapshot({ tool: "test/1" });
  const same = Buffer.from("the same bytes");
  const refs = await Promise.all(Array.from({ length: 20 }, () => writer.putPart("text", same)));
  expect(new Set(refs.map(({ id }) => id)).size).toBe(1);
  expect(writer.written).toMatchObject({ objects: 1 });
  expect((await writer.putPart("other-kind", same)).id).not.toBe(refs[0]?.id);
  await writer.commit({ summary: null, body: null });
  const second = await repository.beginSnapshot({ tool: "test/1" });
  expect(await second.putPart("text", same)).toEqual(refs[0]);
  expect(second.written.objects).toBe(0);
  await second.abandon();
});

test("a part has a size, and a kind has a form", async () => {
  const writer = await (await made.open()).beginSnapshot({ tool: "test/1" });
  expect(() => writer.putPart("text", new Uint8Array(PART_BYTES_MAX + 1))).toThrow(RangeError);
  expect(() => writer.putPart("Text", new Uint8Array(1))).toThrow(TypeError);
  expect((await writer.putPart("text", new Uint8Array(0))).plain_bytes).toBe(0);
  await writer.abandon();
});

test("a backup that was given up is resumed: its parts are found by the next one", async () => {
  const first = await (await made.open()).beginSnapshot({ tool: "test/1" });
  for (const text of ["a", "b", "c"]) await first.putPart("text", Buffer.from(text));
  await first.abandon();
  const before = parts();
  // Another process: it knows neither the content key nor that anything was begun.
  const second = await (await made.open(made.writer)).beginSnapshot({ tool: "test/1" });
  const ids: string[] = [];
  for (const text of ["a", "b", "c"]) ids.push((await second.putPart("text", Buffer.from(text))).id);
  expect(second.written).toEqual({ objects: 0, bytes: 0, reused_parts: 3 });
  const { id } = await second.commit({ summary: null, body: { ids } });
  expect(parts()).toEqual(expect.arrayContaining(before));
  expect(await textsOf(await made.open(), id)).toEqual(["a", "b", "c"]);
});

test("two backups at once both become snapshots, and the next one follows both", async () => {
  const [one, two] = await Promise.all([made.open(), made.open()]);
  const [first, second] = await Promise.all([snapshotOf(one, ["a", "b"]), snapshotOf(two, ["b", "c"])]);
  const repository = await made.open();
  expect(await textsOf(repository, first.id)).toEqual(["a", "b"]);
  expect(await textsOf(repository, second.id)).toEqual(["b", "c"]);
  await snapshotOf(repository, ["d"]);
  expect(await damagesOf()).toEqual([]);
  for (const { id } of [first, second]) {
    const manifest = made.objects().find((key) => key.endsWith(`-${id}`)) ?? "";
    const path = join(made.folder, manifest);
    const whole = readFileSync(path);
    rmSync(path);
    expect((await damagesOf()).map(({ object }) => object)).toEqual([manifest]);
    writeFileSync(path, whole);
  }
});

test("an epoch needs no other one: what is kept is copied into it, by a machine that can read none of it", async () => {
  await snapshotOf(await made.open(), ["a", "b"]);
  const writer = await (await made.open(made.writer, { now: () => DECEMBER_MS })).beginSnapshot({ tool: "test/1" });
  expect([writer.base?.info.epoch, writer.epoch]).toEqual(["2026-11", "2026-12"]);
  const ids: string[] = [];
  for (const part of writer.base?.parts.values() ?? []) {
    if (part.kind === "text") ids.push((await writer.keepPart(part.id)).id);
  }
  const { id } = await writer.commit({ summary: null, body: { ids } });
  rmSync(join(made.folder, "epoch", "2026-11"), { recursive: true });
  expect((await textsOf(await made.open(), id)).sort()).toEqual(["a", "b"]);
});

test("a clock that was set back writes into the newest epoch, not into a closed one", async () => {
  await snapshotOf(await made.open(made.master, { now: () => DECEMBER_MS }), ["a"]);
  const { epoch, counter } = await snapshotOf(await made.open(made.master, { now: () => NOVEMBER_MS }), ["b"]);
  expect({ epoch, counter }).toEqual({ epoch: "2026-12", counter: 2 });
  expect((await (await made.open()).openSnapshot("latest")).info.counter).toBe(2);
});

test("a damaged part is written anew beside the damaged object, and the snapshot is whole again", async () => {
  const repository = await made.open();
  await snapshotOf(repository, ["a", "b"]);
  const [damaged = ""] = parts();
  const bytes = readFileSync(join(made.folder, damaged));
  bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
  writeFileSync(join(made.folder, damaged), bytes);
  const found = (await repository.verifyData(100)).findings;
  expect(found).toMatchObject([{ object: damaged, snapshots: [expect.any(String)] }]);
  const distrust = new Set(found.map(({ object }) => object));
  const writer = await repository.beginSnapshot({ tool: "test/1", distrust });
  const ids: string[] = [];
  for (const text of ["a", "b"]) ids.push((await writer.putPart("text", Buffer.from(text))).id);
  const { id } = await writer.commit({ summary: { texts: 2 }, body: { ids } });
  expect(await textsOf(await made.open(), id)).toEqual(["a", "b"]);
  expect((await (await made.open()).verifyData(100, { only: id })).findings).toEqual([]);
});

test("a commit is refused when a part has vanished since it was written", async () => {
  const writer = await (await made.open()).beginSnapshot({ tool: "test/1" });
  await writer.putPart("text", Buffer.from("a"));
  rmSync(join(made.folder, parts()[0] ?? ""));
  await expect(writer.commit({ summary: null, body: null })).rejects.toMatchObject({
    parts: { cause: expect.stringContaining("not there") },
  });
  await writer.abandon();
  expect(await (await made.open()).listSnapshots()).toEqual([]);
});

test("snapshots are opened by the beginning of their id, and the latest is not guessed when it was removed", async () => {
  const repository = await made.open();
  const older = await snapshotOf(repository, ["a"]);
  const newest = await snapshotOf(repository, ["b"]);
  expect((await repository.openSnapshot(newest.id.slice(0, 8))).info.id).toBe(newest.id);
  await expect(repository.openSnapshot("zz")).rejects.toMatchObject({ parts: { cause: "there is no snapshot zz" } });
  rmSync(join(made.folder, made.objects().find((key) => key.endsWith(`-${newest.id}`)) ?? ""));
  const after = await made.open();
  await expect(after.openSnapshot("latest")).rejects.toMatchObject({
    parts: { cause: expect.stringContaining("removed") },
  });
  expect(await textsOf(after, older.id)).toEqual(["a"]);
});

test("a repository that was rolled back as a whole is noticed by a machine that remembers its counter", async () => {
  await snapshotOf(await made.open(), ["a"]);
  const pointer = join(made.folder, "pointer");
  copyFileSync(pointer, `${pointer}.kept`);
  const newest = await snapshotOf(await made.open(), ["b"]);
  const newer = made.objects().filter((key) => key.endsWith(`-${newest.id}`));
  for (const key of newer) rmSync(join(made.folder, key));
  copyFileSync(`${pointer}.kept`, pointer);
  rmSync(`${pointer}.kept`);
  // Nothing in the bucket tells.
  expect(await damagesOf()).toEqual([]);
  const remembering = await made.open(made.master, { counter_seen: newest.counter });
  expect((await remembering.verifyStructure()).findings).toMatchObject([{ severity: "damage", object: "pointer" }]);
  await expect(remembering.openSnapshot("latest")).rejects.toMatchObject({ reason: "rolled-back" });
});

test("a check is written down, and the best one is told", async () => {
  const repository = await made.open();
  const { id } = await snapshotOf(repository, ["a"]);
  await repository.recordVerification(id, "restore");
  await repository.recordVerification(id, "structure");
  expect(await repository.listSnapshots()).toMatchObject([{ verified: { level: "restore", at_ms: NOVEMBER_MS } }]);
  await repository.withdrawVerification(id);
  expect(await repository.listSnapshots()).toMatchObject([{ verified: null }]);
});
