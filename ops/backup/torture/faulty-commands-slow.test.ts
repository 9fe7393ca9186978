/** Every command through an API and a storage that fail at random: done and right, or failed aloud; the truth is looked up past the faults. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { restoreIntoScratch } from "../../restore/scratch-restore.ts";
import { readManifest } from "../manifest.ts";
import { EXTENT_TIMEOUT_MS, TRIES_ALL } from "./extent.fixture.ts";
import { badWeather, HANG, type Weather } from "./faults.fixture.ts";
import { StackRig, undisturbed } from "./stack-rig.fixture.ts";

const SEEDS = TRIES_ALL ? 12 : 2;
let rig: StackRig;
beforeAll(async () => {
  rig = await StackRig.start();
  for (const id of ["a", "b"]) await rig.putDocument(id, `# ${id}\n\nWater rises from the ground at spring ${id}.`);
  await rig.putConfig("flag", "on");
  await rig.done("backup", "create");
});
afterAll(() => rig.close());

const ends: Record<string, { done: number; failed: number }> = {};

/** The command's JSON; null when it failed, which it must say with what to do. */
async function inBad(weather: Weather, ...words: string[]) {
  rig.judge = weather.judge;
  const { code, stdout, stderr } = await rig.ops(...words);
  rig.judge = undisturbed;
  const name = words.slice(0, 2).join(" ");
  const end = ends[name] ?? { done: 0, failed: 0 };
  ends[name] = end;
  const json = JSON.parse(stdout);
  if (code === 0) {
    end.done += 1;
    return json;
  }
  end.failed += 1;
  expect(stderr).toMatch(/Error: [\s\S]*Try: /);
  expect(stderr).not.toMatch(/unexpected|defect/);
  return null;
}

/** What the snapshot holds against what the stack holds, both past the faults. */
async function expectRight(id: string): Promise<void> {
  await rig.repository(async (repository) => {
    const { findings } = await repository.verifyData(100);
    expect(findings.filter(({ severity }) => severity === "damage")).toEqual([]);
    const snapshot = await repository.openSnapshot(id);
    const manifest = await readManifest(snapshot);
    const hooks = { signal: new AbortController().signal };
    expect((await restoreIntoScratch(snapshot, manifest, hooks)).differences).toEqual([]);
    const state = await rig.state();
    for (const { name, rows, digest } of manifest.inventory.database.tables)
      if (`table ${name}` in state) expect(`${name} ${rows} ${digest}`).toBe(`${name} ${state[`table ${name}`]}`);
  });
}

test("no command says that it is done when it is not, whatever the API and the storage do", {
  timeout: EXTENT_TIMEOUT_MS,
}, async () => {
  const faults = new Map<string, number>();
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const weather = badWeather(seed, seed % 2 === 0 ? 0.15 : 0.04);
    await rig.putDocument("changing", `The number is ${seed} now.`);
    const taken = await inBad(weather, "backup", "create");
    if (taken) await expectRight(taken.snapshot.id);
    const right = taken ?? (await rig.done("backup", "create"));
    const verified = await inBad(weather, "backup", "verify");
    expect(verified?.passed ?? true).toBe(true);

    const before = await rig.state();
    await rig.service.call("DELETE", "/api/v1/documents/b");
    await rig.putConfig("flag", "off");
    const words = ["restore", "apply", right.snapshot.id, "--yes"];
    if ((await inBad(weather, ...words)) === null) await rig.done(...words);
    expect(await rig.state()).toEqual(before);

    await inBad(
      weather,
      "backup",
      "prune",
      "--daily",
      "1",
      "--weekly",
      "0",
      "--monthly",
      "0",
      "--yearly",
      "0",
      "--yes",
    );
    const [newest] = (await rig.done("backup", "list")).snapshots;
    await expectRight(newest.id);
    for (const [name, count] of weather.faults) faults.set(name, (faults.get(name) ?? 0) + count);
  }
  const sum = [...faults.values()].reduce((total, count) => total + count, 0);
  const told = Object.entries(ends).map(([name, { done, failed }]) => `${name} ${done} done, ${failed} failed aloud`);
  console.log(`${sum} faults of API and storage, ${SEEDS} seeds: ${told.join("; ")}; 0 false successes`);
  expect(sum).toBeGreaterThan(5);
});

test("a service that never answers ends a command at its deadline, aloud and without a snapshot", async () => {
  const before = (await rig.done("backup", "list")).snapshots.length;
  for (const path of [/\/d1\//, /prism-backups/]) {
    rig.judge = (passing) => (path.test(passing.path) ? HANG : null);
    const { code, stderr } = await rig.ops("backup", "create", "--timeout", "6s");
    rig.judge = undisturbed;
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/Error: [\s\S]*Try: /);
  }
  expect((await rig.done("backup", "list")).snapshots).toHaveLength(before);
});
