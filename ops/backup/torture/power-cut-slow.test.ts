/** The power goes at every write of a backup and of a restore; whoever comes back finishes, and nothing is lost or doubled. */
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checks, contents } from "../../d1/nasty-database.fixture.ts";
import { sqliteD1 } from "../../d1/sqlite-connection.ts";
import { serviceDatabase } from "../snapshot/snapshot-rig.fixture.ts";
import type { Taken } from "../snapshot/take.ts";
import { EXTENT_TIMEOUT_MS, spread, tried } from "./extent.fixture.ts";
import { cutsOf, Power } from "./power.fixture.ts";
import { Vault } from "./vault.fixture.ts";

const NOVEMBER_MS = Date.parse("2026-11-20T02:00:00Z");
const DECEMBER_MS = Date.parse("2026-12-01T02:00:00Z");
let template: Vault;
let first: Taken;
let before: string[];

beforeAll(async () => {
  template = await Vault.make(() => NOVEMBER_MS);
  serviceDatabase(40, template.database);
  first = await template.take();
  before = await restored(template, first.info.id);
  template.database.exec(
    "UPDATE chunks SET token_count = 2 WHERE id % 10 = 3; DELETE FROM chunks WHERE id = 17; INSERT INTO api_keys VALUES ('k', 'n', 't', 'h', '[]', 'low', NULL, 1, NULL, NULL)",
  );
});
afterAll(() => template.remove());

async function restored(vault: Vault, id: string): Promise<string[]> {
  const target = new DatabaseSync(":memory:");
  await vault.load(id, sqliteD1(target));
  expect(checks(target)).toEqual(["ok"]);
  const found = contents(target);
  target.close();
  return found;
}

for (const { month, now_ms } of [
  { month: "the same month", now_ms: NOVEMBER_MS + 86_400_000 },
  { month: "the next month", now_ms: DECEMBER_MS },
]) {
  test(`a backup in ${month} as the last that loses its power at any write loses nothing, and the next one is right`, {
    timeout: EXTENT_TIMEOUT_MS,
  }, async () => {
    const whole = template.copy(() => now_ms);
    const counting = new Power(null);
    await whole.take(counting.storage(whole.storage), counting.database(sqliteD1(whole.database)));
    whole.remove();
    const cuts = cutsOf(counting.writes);
    const chosen = spread(cuts, 10);
    for (const cut of chosen) {
      const vault = template.copy(() => now_ms);
      const power = new Power(cut);
      const taken = await vault
        .take(power.storage(vault.storage), power.database(sqliteD1(vault.database)))
        .catch(() => null);
      // Parts are written side by side: one more or fewer is possible, and a point that was not reached proves nothing.
      if (!power.is_gone) expect(taken).not.toBeNull();
      // Nothing comes after the lease is given up: whoever says then that it is done has a snapshot.
      if (taken !== null) await restored(vault, taken.info.id);
      vault.ageLeases();
      expect({ cut, damages: await vault.damages() }).toEqual({ cut, damages: [] });
      expect(await restored(vault, first.info.id)).toEqual(before);
      vault.database.exec("UPDATE chunks SET token_count = token_count + 5 WHERE id = 5");
      const again = await vault.take();
      expect(await vault.differences(again)).toEqual([]);
      const back = new DatabaseSync(":memory:");
      await vault.load(again.info.id, sqliteD1(back));
      expect(await vault.differences(again, back)).toEqual([]);
      back.close();
      expect({ cut, damages: await vault.damages() }).toEqual({ cut, damages: [] });
      vault.remove();
    }
    console.log(`points at which a backup lost its power: ${tried(chosen.length, cuts.length, "points")}`);
    expect(cuts.length).toBeGreaterThan(20);
  });
}

test("a restore that loses its power at any write is repeated to the same database", {
  timeout: EXTENT_TIMEOUT_MS,
}, async () => {
  const vault = template.copy(() => NOVEMBER_MS + 86_400_000);
  const { info } = await vault.take();
  const wanted = await restored(vault, info.id);
  const counting = new Power(null);
  await vault.load(info.id, counting.database(sqliteD1(new DatabaseSync(":memory:"))));
  const cuts = cutsOf(counting.writes);
  const chosen = spread(cuts, 20);
  for (const cut of chosen) {
    const target = new DatabaseSync(":memory:");
    await expect(vault.load(info.id, new Power(cut).database(sqliteD1(target)))).rejects.toThrow(/power/);
    await vault.load(info.id, sqliteD1(target));
    expect({ cut, checks: checks(target) }).toEqual({ cut, checks: ["ok"] });
    expect(contents(target)).toEqual(wanted);
    target.close();
  }
  console.log(`points at which a restore lost its power: ${tried(chosen.length, cuts.length, "points")}`);
  expect(cuts.length).toBeGreaterThan(20);
  vault.remove();
});
