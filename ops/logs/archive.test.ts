/** Batches that are not as Logpush should have written them, in a real storage. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { LOG_ARCHIVE_FOLDER } from "../../infra/inventory.ts";
import { directoryStorage } from "../storage/directory-storage.ts";
import type { Storage } from "../storage/storage.ts";
import { archivedBatches, archivedLines } from "./archive.ts";

const folder = mkdtempSync(join(tmpdir(), "log-archive-"));
afterAll(() => rmSync(folder, { recursive: true }));
const storage = directoryStorage(folder);
const { signal } = new AbortController();

const START = Date.UTC(2026, 10, 5, 23, 59, 58);
const record = (message: string, TimestampMs: number | string, ScriptName = "prism") =>
  JSON.stringify({ ScriptName, Logs: [{ Level: "log", Message: [message], TimestampMs }], Exceptions: [] });
const put = (name: string, body: Buffer) => storage.create(`${LOG_ARCHIVE_FOLDER}/${name}`, body, signal);
const read = async (from_ms: number, to_ms: number) => {
  const batches = await archivedBatches(storage, from_ms, to_ms, signal);
  const { lines, damaged } = await archivedLines(storage, batches, ["prism"], { from_ms, to_ms }, signal);
  return { messages: lines.map(({ message }) => message).sort(), damaged };
};

test("a line is found in the batch of its invocation, which may have begun on the day before and under another name", async () => {
  const long = Buffer.from(`${record("late", START + 600_000)}\n${record("of another", START, "other")}\n`);
  await put("20261105/20261105T235958Z_20261105T235958Z_00000001.log.gz", gzipSync(long));
  await put("20261106/unusual-name.gz", gzipSync(`${record("unusual", new Date(START + 3_000).toISOString())}\n`));
  expect(await read(START + 599_000, START + 601_000)).toEqual({ messages: ["late"], damaged: 0 });
  expect(await read(START, START + 600_000)).toEqual({ messages: ["unusual"], damaged: 0 });
  expect(await read(START + 600_000, START + 600_001)).toEqual({ messages: ["late"], damaged: 0 });
});

test("a batch that breaks off or is no gzip gives what can be read, and is told", async () => {
  const day_ms = Date.UTC(2026, 10, 8);
  const many = Array.from({ length: 2_000 }, (_, index) => record(`${index} ${Math.random()}`, day_ms + index));
  const whole = gzipSync(`${many.join("\n")}\n`);
  const name = (n: number) => `20261108/20261108T000000Z_20261108T000002Z_0000000${n}.log.gz`;
  await put(name(1), whole.subarray(0, whole.length / 2));
  await put(name(2), Buffer.from("no gzip"));
  await put(name(3), gzipSync(`${record("whole", day_ms)}\n{"half": \n`));
  const { messages, damaged } = await read(day_ms, day_ms + 10_000);
  expect(messages).toContain("whole");
  expect(messages.length).toBeGreaterThan(100);
  expect(messages.length).toBeLessThan(2_001);
  expect(damaged).toBe(3);
});

test("a record with a time of no calendar is told, and takes none of its batch along", async () => {
  const day_ms = Date.UTC(2026, 10, 10);
  const odd = [record("yesterday", "yesterday"), record("never", 1e20), record("good", day_ms)];
  await put("20261110/20261110T000000Z_20261110T000002Z_00000001.log.gz", gzipSync(odd.join("\n")));
  expect(await read(day_ms, day_ms + 10_000)).toEqual({ messages: ["good"], damaged: 2 });
});

test("a window that begins before there were logs asks for the days that there are, and for no others", async () => {
  const asked: string[] = [];
  const watched: Storage = {
    ...storage,
    page: (prefix, after, ending) => {
      asked.push(prefix);
      return storage.page(prefix, after, ending);
    },
  };
  await put(
    "20261112/20261112T000000Z_20261112T000002Z_00000001.log.gz",
    gzipSync(record("new", Date.UTC(2026, 10, 12))),
  );
  const batches = await archivedBatches(watched, Date.UTC(-700, 0), Date.UTC(2026, 10, 13), signal);
  expect(batches.at(-1)?.key).toContain("20261112/");
  expect(asked.length).toBeLessThan(10);
});
