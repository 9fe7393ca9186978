/** Every damage to every object of a repository of real snapshots: `verify` names it, and a restore either refuses it by name or is right. */
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asOpsError } from "../../command/errors.ts";
import { createProgress } from "../../command/progress.ts";
import { contents } from "../../d1/nasty-database.fixture.ts";
import { sqliteD1 } from "../../d1/sqlite-connection.ts";
import { loadDatabase } from "../../restore/load-database.ts";
import { verifyBefore } from "../../restore/new-generation.ts";
import { readManifest } from "../manifest.ts";
import { keyAdministration } from "../repository/key-administration.ts";
import { openRepository } from "../repository/open-repository.ts";
import { serviceDatabase } from "../snapshot/snapshot-rig.fixture.ts";
import { EXTENT_TIMEOUT_MS, spread, tried } from "./extent.fixture.ts";
import { Vault } from "./vault.fixture.ts";

const signal = new AbortController().signal;
const silent = createProgress({ write: () => {} }, () => 0);
let now_ms = Date.parse("2026-11-20T02:00:00Z");
let vault: Vault;
let newest: string;
let wanted: string[];
/** Objects that change in place, as they were earlier. */
const earlier = new Map<string, Buffer[]>();

const path = (object: string): string => join(vault.repository_folder, object);
const remember = (...objects: string[]): void => {
  for (const object of objects) earlier.set(object, [...(earlier.get(object) ?? []), readFileSync(path(object))]);
};

beforeAll(async () => {
  vault = await Vault.make(() => now_ms);
  serviceDatabase(12, vault.database);
  await vault.take();
  remember("config", "pointer");
  await keyAdministration(vault.storage, vault.key, signal).addReader("second");
  vault.database.exec("UPDATE chunks SET token_count = 2 WHERE id = 3; DELETE FROM chunks WHERE id = 7");
  await vault.take();
  remember("pointer");
  now_ms = Date.parse("2026-12-01T02:00:00Z");
  vault.database.exec("UPDATE chunks SET token_count = 3 WHERE id = 3");
  newest = (await vault.take()).info.id;
  const restored = await restore();
  wanted = restored.lines;
  expect(restored).toMatchObject({ refused: null, touched: true });
});
afterAll(() => vault.remove());

/** As `ops restore apply` does it: the newest snapshot, everything read before the target changes. */
async function restore(): Promise<{ refused: string | null; touched: boolean; lines: string[] }> {
  const target = new DatabaseSync(":memory:");
  let touched = false;
  try {
    await vault.open(async (repository) => {
      const snapshot = await repository.openSnapshot("latest");
      const manifest = await readManifest(snapshot);
      await verifyBefore({
        situation: { session: { progress: silent } },
        repository,
        plan: { source: snapshot.info.id },
      });
      touched = true;
      await loadDatabase(snapshot, manifest, sqliteD1(target), { signal });
    });
    return { refused: null, touched, lines: contents(target) };
  } catch (error) {
    const { subject, cause } = asOpsError(error).parts;
    return { refused: `${subject}: ${cause}`, touched, lines: [] };
  } finally {
    target.close();
  }
}

/** Names of objects with which something is wrong. */
async function found(): Promise<string[]> {
  try {
    return (await vault.open((repository) => repository.verifyData(100))).findings.map(({ object }) => object);
  } catch (error) {
    return [asOpsError(error).parts.subject];
  }
}

function damagesOf(object: string, all: readonly string[]): [name: string, bytes: Buffer | null][] {
  const bytes = readFileSync(path(object));
  const flipped = (at: number): [string, Buffer] => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8));
    return [`bit flipped in byte ${at}`, copy];
  };
  const folder = (key: string): string => key.replace(/[^/]*$/, "").replace(/\/parts\/.*/, "/parts/");
  const last = bytes.length - 1;
  const positions = [0, 20, 70, Math.floor(last / 2), last - 20, last].map((at) => Math.max(0, Math.min(at, last)));
  const others = all.filter((other) => other !== object);
  const alike = others.filter((other) => folder(other) === folder(object)).slice(0, 2);
  const same_kind = others.filter((other) => other.split("/")[2] === object.split("/")[2]).slice(-1);
  const stranger = others.filter((other) => folder(other) !== folder(object)).slice(0, 1);
  return [
    ["missing", null],
    ["empty", Buffer.alloc(0)],
    ["cut in half", bytes.subarray(0, bytes.length / 2)],
    ["one byte short", bytes.subarray(0, -1)],
    ["one byte long", Buffer.concat([bytes, Buffer.alloc(1)])],
    ...[...new Set(positions)].map(flipped),
    ...[...new Set([...alike, ...same_kind, ...stranger])].map((other): [string, Buffer] => [
      `swapped with ${other}`,
      readFileSync(path(other)),
    ]),
    ...(earlier.get(object) ?? []).map((content, age): [string, Buffer] => [`replayed from ${age}`, content]),
  ];
}

function objectsThere(): string[] {
  return readdirSync(vault.repository_folder, { recursive: true, encoding: "utf8" })
    .filter((name) => !name.startsWith(".") && statSync(path(name)).isFile())
    .sort();
}

/** What the newest snapshot cannot be restored without. */
function isNeeded(object: string): boolean {
  return /^epoch\/2026-12\/(parts|keys|index|manifests)\//.test(object);
}

test("no damage to any object goes unnoticed, and none gets into a target", {
  timeout: EXTENT_TIMEOUT_MS,
}, async () => {
  expect(await found()).toEqual([]);
  const objects = objectsThere();
  const all = objects.flatMap((object) =>
    damagesOf(object, objects)
      .filter(([, bytes]) => bytes?.equals(readFileSync(path(object))) !== true)
      .map(([name, bytes]) => ({ object, name, bytes })),
  );
  const chosen = spread(all, 160);
  const misses: string[] = [];
  let refusals = 0;
  for (const { object, name, bytes } of chosen) {
    const whole = readFileSync(path(object));
    if (bytes) writeFileSync(path(object), bytes);
    else rmSync(path(object));
    const miss = (what: string): number => misses.push(`${object}, ${name}: ${what}`);
    if (!(await found()).includes(object)) miss("verify does not name it");
    const { refused, touched, lines } = await restore();
    if (refused === null && lines.join("\n") !== wanted.join("\n")) miss("restored as something else");
    if (refused === null && isNeeded(object)) miss("restored without it");
    if (refused !== null && touched) miss(`noticed only while the target was written: ${refused}`);
    if (refused !== null && !refused.includes(object)) miss(`the restore blames something else: ${refused}`);
    if (refused !== null) refusals += 1;
    writeFileSync(path(object), whole);
  }
  console.log(
    `corruption: ${tried(chosen.length, all.length, `damages to ${objects.length} objects`)}, ${misses.length} missed; ${refusals} restores refused, ${chosen.length - refusals} did not need the object and were right`,
  );
  expect(misses).toEqual([]);
  expect(await found()).toEqual([]);
});

test("a repository that was rolled back as a whole is noticed by whoever has seen it later", async () => {
  const copy = vault.copy(() => now_ms);
  rmSync(join(copy.repository_folder, "epoch/2026-12"), { recursive: true });
  writeFileSync(join(copy.repository_folder, "pointer"), earlier.get("pointer")?.[1] ?? "");
  const seen = await vault.open(async (repository) => (await repository.listSnapshots())[0]?.counter ?? 0);
  const repository = await openRepository(copy.storage, copy.key, { counter_seen: seen });
  const { findings } = await repository.verifyStructure();
  expect(findings).toContainEqual(
    expect.objectContaining({ severity: "damage", object: "pointer", cause: expect.stringContaining("rolled back") }),
  );
  await expect(repository.openSnapshot("latest")).rejects.toThrow(/rolled back/);
  expect((await repository.listSnapshots()).map(({ id }) => id)).not.toContain(newest);
  await repository.close();
  copy.remove();
});
