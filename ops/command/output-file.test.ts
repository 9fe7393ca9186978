/** Where a command's `--out` leads: whole, or refused with nothing left behind. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeFolder } from "../storage/make-folder.ts";
import { EXIT } from "./errors.ts";
import { writeOutput } from "./output-file.ts";
import { runCommand } from "./run-cli.fixture.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "prism-out-"));
});
afterAll(() => rm(dir, { recursive: true }));

const place = (name: string) => join(dir, name);
const write = (path: string, text: string, more: { is_new?: boolean; mode?: number } = {}) =>
  writeOutput(path, { op: "write", ...more }, async () => text);

test("a file is written whole, with its mode, and one that was there keeps its own", async () => {
  expect(await write(place("a"), "grün", { mode: 0o600 })).toBe(5);
  expect((await stat(place("a"))).mode & 0o777).toBe(0o600);
  await chmod(place("a"), 0o640);
  await symlink(place("a"), place("link"));
  await write(place("link"), "second");
  expect([await readFile(place("a"), "utf8"), (await stat(place("a"))).mode & 0o777]).toEqual(["second", 0o640]);
  expect((await readdir(dir)).sort()).toEqual(["a", "link"]);
});

test("what fails on its way leaves nothing, and what was there as it was", async () => {
  async function* breaking() {
    yield "half";
    throw new Error("the source broke off");
  }
  for (const is_new of [true, false])
    await expect(writeOutput(place("b"), { op: "write", is_new }, async () => breaking())).rejects.toThrow("broke off");
  await expect(writeOutput(place("a"), { op: "write" }, async () => breaking())).rejects.toThrow("broke off");
  expect(await writeOutput(place("b"), { op: "write" }, async () => null)).toBe(0);
  expect([(await readdir(dir)).sort(), await readFile(place("a"), "utf8")]).toEqual([["a", "link"], "second"]);
});

test("a place that takes no file is refused before anything is made for it", async () => {
  await mkdir(place("folder"));
  const made: string[] = [];
  for (const path of [place("folder"), place("none/c"), place("a/c"), "/dev/null", "/proc/c", place("c".repeat(300))]) {
    const writing = writeOutput(path, { op: "write" }, async () => {
      made.push(path);
      return "text";
    });
    await expect(writing).rejects.toMatchObject({ exit_code: EXIT.usage, parts: { subject: path } });
  }
  await expect(write(place("a"), "over it", { is_new: true })).rejects.toMatchObject({ exit_code: EXIT.refused });
  // It may have come while the content was made.
  const late = writeOutput(place("late"), { op: "write", is_new: true }, async () => {
    await writeFile(place("late"), "first");
    return "second";
  });
  await expect(late).rejects.toMatchObject({ exit_code: EXIT.refused });
  expect([made, await readFile(place("late"), "utf8")]).toEqual([[], "first"]);
  expect((await readdir(dir)).sort()).toEqual(["a", "folder", "late", "link"]);
});

test("a device is told as one, whether or not what is written must be new", async () => {
  for (const is_new of [true, false])
    await expect(write("/dev/null", "text", { is_new })).rejects.toMatchObject({
      exit_code: EXIT.usage,
      parts: { cause: expect.stringContaining("a device or a pipe") },
    });
});

test("folders are made with those above them, and where there can be none it is said", async () => {
  expect(makeFolder(place("x/y/z"))).toBe(place("x"));
  expect(makeFolder(place("x/y/z"))).toBe(undefined);
  for (const path of ["/proc/x", "/proc/x/y", place("a/y")]) expect(() => makeFolder(path)).toThrow();
});

test.each(["/proc/x", "/dev/null/x"])("a command that is told to write into %s says so and ends", async (folder) => {
  const { code, stderr } = await runCommand(["schedule", "render", "crontab", "--out", folder]);
  expect(code).toBe(EXIT.usage);
  expect(stderr).toContain(`write the schedule into ${folder}`);
});
