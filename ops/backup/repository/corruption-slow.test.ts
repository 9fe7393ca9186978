import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asOpsError, OpsError } from "../../command/errors.ts";
import { DECEMBER_MS, newRepository, snapshotOf, type TestRepository, textsOf } from "./repository.fixture.ts";
import type { Finding, Repository, SnapshotInfo } from "./repository.ts";

let made: TestRepository;
let snapshots: SnapshotInfo[];
const TEXTS = [
  ["one", "two"],
  ["one", "two", "three"],
  ["one", "three", "four"],
  ["one", "four", "five"],
];
/** Mutable objects as they were earlier. */
const older = new Map<string, Buffer[]>();

const keep = (object: string): void => {
  older.set(object, [...(older.get(object) ?? []), readFileSync(join(made.folder, object))]);
};

beforeAll(async () => {
  made = await newRepository();
  snapshots = [];
  let repository = await made.open();
  const december = { now: () => DECEMBER_MS };
  for (const [number, texts] of TEXTS.entries()) {
    if (number === 1) {
      keep("config");
      await made.keys().addReader("second");
    }
    if (number >= 1) repository = await made.open(made.master, number < 3 ? {} : december);
    snapshots.push(await snapshotOf(repository, texts));
    if (number < 3) keep("pointer");
  }
  // The second one goes, so that gaps that are meant are there, too.
  const kept = [snapshots[0], snapshots[2], snapshots[3]].flatMap((snapshot) => snapshot?.id ?? []);
  await repository.prune(await repository.planPrune(kept));
  keep("pointer");
  await snapshotOf(repository, ["six"]).then((last) => snapshots.push(last));
  snapshots.splice(1, 1);
  TEXTS.splice(1, 1);
  TEXTS.push(["six"]);
});
afterAll(() => made.remove());

/** Damages after which every snapshot is read as well. */
const READ_AFTER = /^(missing|bit flipped in byte 70$|replayed)/;

/** What verify finds, or what opening refuses. */
async function check(opened: Repository | null): Promise<Finding[]> {
  try {
    const repository = opened ?? (await made.open());
    return (await repository.verifyData(100)).findings;
  } catch (error) {
    const { subject, cause, hint } = asOpsError(error).parts;
    return [{ severity: "damage", object: subject, cause, hint, snapshots: snapshots.map(({ id }) => id) }];
  }
}

/** Snapshots that read although they are named as hurt, or that are not named and do not read as they were written. */
async function wronglyJudged(findings: readonly Finding[]): Promise<string[]> {
  const repository = await made.open().catch(() => null);
  if (repository === null) return [];
  const hurt = new Set(findings.flatMap((finding) => finding.snapshots));
  const wrong: string[] = [];
  for (const [number, { id }] of snapshots.entries()) {
    const texts = await textsOf(repository, id).catch((error: unknown) => {
      if (error instanceof OpsError) return null;
      throw error;
    });
    if (texts !== null && texts.join() !== TEXTS[number]?.join()) wrong.push(`snapshot ${id} reads as something else`);
    if (texts === null && !hurt.has(id)) wrong.push(`snapshot ${id} does not read, but is not named`);
  }
  return wrong;
}

function damages(object: string, all: readonly string[]): [name: string, bytes: Buffer | null][] {
  const bytes = readFileSync(join(made.folder, object));
  const flipped = (at: number): Buffer => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8));
    return copy;
  };
  // The magic, the keys' names, the middle, the proof at the end.
  const positions = [0, 20, 70, Math.floor(bytes.length / 2), bytes.length - 20];
  const flips = [...new Set(positions.map((at) => Math.max(0, Math.min(at, bytes.length - 1))))];
  const kindOf = (key: string): string => key.replace(/[^/]*$/, "").replace(/\/parts\/.*/, "/parts/");
  // With its neighbours, which are likeliest to pass for it, and with one of another kind.
  const neighbours = all.filter((other) => other !== object && kindOf(other) === kindOf(object));
  const stranger = all.find((other) => kindOf(other) !== kindOf(object));
  const others = [...neighbours.slice(0, 2), ...(stranger ? [stranger] : [])];
  return [
    ["missing", null],
    ["empty", Buffer.alloc(0)],
    ["cut in half", bytes.subarray(0, bytes.length / 2)],
    ["one byte short", bytes.subarray(0, -1)],
    ...flips.map((at): [string, Buffer] => [`bit flipped in byte ${at}`, flipped(at)]),
    ...others.map((other): [string, Buffer] => [`swapped with ${other}`, readFileSync(join(made.folder, other))]),
    ...(older.get(object) ?? []).map((content, age): [string, Buffer] => [`replayed from ${age}`, content]),
  ];
}

test("every damage to every object is found, named, and hurts no snapshot that is not named", async () => {
  const opened = await made.open();
  expect(await check(opened)).toEqual([]);
  const objects = made.objects();
  expect(objects.length).toBeGreaterThan(20);
  const misses: string[] = [];
  let tried = 0;
  for (const object of objects) {
    const path = join(made.folder, object);
    const whole = readFileSync(path);
    // A configuration and its copy are the same bytes: swapping them changes nothing.
    for (const [name, bytes] of damages(object, objects).filter(([, bytes]) => bytes?.equals(whole) !== true)) {
      if (bytes) writeFileSync(path, bytes);
      else rmSync(path);
      // The configuration is read when a repository is opened.
      const findings = await check(object === "config" ? null : opened);
      tried += 1;
      if (!findings.some((finding) => finding.object === object)) {
        misses.push(`${object}: ${name}: ${JSON.stringify(findings)}`);
      }
      if (READ_AFTER.test(name))
        misses.push(...(await wronglyJudged(findings)).map((miss) => `${object}: ${name}: ${miss}`));
      writeFileSync(path, whole);
    }
  }
  console.log(`corruption: ${tried} damages to ${objects.length} objects, ${misses.length} missed`);
  expect(misses).toEqual([]);
  expect(await check(null)).toEqual([]);
}, 120_000);
