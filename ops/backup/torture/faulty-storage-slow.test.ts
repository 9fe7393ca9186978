/** Backup, verify, restore and prune through a storage that fails at random: right, or failed aloud; the truth is looked up past the faults. */
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CREDENTIALS, startS3 } from "../../../local/s3/s3-server.fixture.ts";
import { asOpsError } from "../../command/errors.ts";
import { contents } from "../../d1/nasty-database.fixture.ts";
import { sqliteD1 } from "../../d1/sqlite-connection.ts";
import { s3Storage } from "../../storage/s3-storage.ts";
import type { Fault, Passing, Wire } from "../../storage/wire.fixture.ts";
import { startWire } from "../../storage/wire.fixture.ts";
import { serviceDatabase } from "../snapshot/snapshot-rig.fixture.ts";
import { EXTENT_TIMEOUT_MS, TRIES_ALL } from "./extent.fixture.ts";
import { badWeather, HANG, PRECONDITION_FAILED, type Weather } from "./faults.fixture.ts";
import { Vault } from "./vault.fixture.ts";

const SEEDS = TRIES_ALL ? 60 : 2;
/** From a bad line to one on which little gets through. */
const SHARES = [0.05, 0.2, 0.1, 0.5];
let s3: Awaited<ReturnType<typeof startS3>>;
let wire: Wire;
let judge: (passing: Passing) => Fault | null = () => null;

beforeAll(async () => {
  s3 = await startS3();
  s3.addBucket("first");
  wire = await startWire(s3.url, (passing) => judge(passing));
});
afterAll(async () => {
  await wire.close();
  await s3.close();
});

const storageAt = (endpoint: string, prefix: string) =>
  s3Storage({
    endpoint,
    bucket: "first",
    prefix,
    credentials: { access_key_id: CREDENTIALS.accessKeyId, secret_access_key: CREDENTIALS.secretAccessKey },
  });

interface Tally {
  done: number;
  failed: number;
}

/** Runs work in bad weather. Null when it failed, which it must say with what to do. */
async function inBad<T>(weather: Weather, tally: Tally, work: () => Promise<T>): Promise<T | null> {
  judge = weather.judge;
  try {
    const result = await work();
    tally.done += 1;
    return result;
  } catch (error) {
    const { op, subject, cause, hint } = asOpsError(error).parts;
    for (const text of [op, subject, cause, hint]) expect(text).not.toBe("");
    expect(`${cause}. ${hint}`).not.toMatch(/unexpected|defect/);
    tally.failed += 1;
    return null;
  } finally {
    judge = () => null;
  }
}

test("nothing that a storage does makes a command say it was done when it was not", {
  timeout: EXTENT_TIMEOUT_MS,
}, async () => {
  const tally: Record<string, Tally> = {};
  const tallyOf = (name: string): Tally => {
    const one = tally[name] ?? { done: 0, failed: 0 };
    tally[name] = one;
    return one;
  };
  const faults = new Map<string, number>();
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const [direct, faulty] = [storageAt(s3.url, `${seed}/`), storageAt(wire.url, `${seed}/`)];
    const vault = await Vault.make(Date.now, direct);
    // Short, so that a hang costs little; the number of tries is the real one.
    vault.patience = { timeout_ms: 300, pause_ms: 1 };
    serviceDatabase(15, vault.database);
    const weather = badWeather(seed, SHARES[seed % SHARES.length] ?? 0, [PRECONDITION_FAILED, HANG]);

    for (let round = 1; round <= 2; round += 1) {
      vault.database.exec(
        `UPDATE chunks SET token_count = ${round} WHERE id % 4 = ${round}; DELETE FROM chunks WHERE id = ${round}`,
      );
      const before = await vault.open((repository) => repository.listSnapshots());
      const taken = await inBad(weather, tallyOf("backup"), () => vault.take(faulty));
      const after = await vault.open((repository) => repository.listSnapshots());
      expect({ seed, damages: await vault.damages() }).toEqual({ seed, damages: [] });
      if (taken) {
        expect({ seed, snapshots: after.length }).toEqual({ seed, snapshots: before.length + 1 });
        expect(await vault.differences(taken)).toEqual([]);
      }
    }
    const right = await vault.take();
    const verified = await inBad(weather, tallyOf("verify"), () =>
      vault.open((repository) => repository.verifyData(100), faulty),
    );
    // A line that is broken beyond patience is no damage of the repository.
    expect({ seed, findings: verified?.findings ?? [] }).toEqual({ seed, findings: [] });

    const [wanted, restored] = [new DatabaseSync(":memory:"), new DatabaseSync(":memory:")];
    await vault.load(right.info.id, sqliteD1(wanted));
    const loaded = await inBad(weather, tallyOf("restore"), async () => {
      await vault.load(right.info.id, sqliteD1(restored), faulty);
      return true;
    });
    if (!loaded) await vault.load(right.info.id, sqliteD1(restored));
    expect(contents(restored)).toEqual(contents(wanted));

    const prune = (storage = direct) =>
      vault.open(async (repository) => repository.prune(await repository.planPrune([right.info.id])), storage);
    const pruned = await inBad(weather, tallyOf("prune"), () => prune(faulty));
    expect({ seed, damages: await vault.damages() }).toEqual({ seed, damages: [] });
    const left = await vault.open((repository) => repository.listSnapshots());
    if (pruned) expect(left.map(({ id }) => id)).toEqual([right.info.id]);
    expect(await vault.differences(right)).toEqual([]);

    for (const [name, count] of weather.faults) faults.set(name, (faults.get(name) ?? 0) + count);
    vault.remove();
    direct.close();
    faulty.close();
  }
  const sum = [...faults.values()].reduce((total, count) => total + count, 0);
  const kinds = [...faults].map(([name, count]) => `${name} ${count}`).join(", ");
  const ends = Object.entries(tally).map(([name, { done, failed }]) => `${name} ${done} done, ${failed} failed aloud`);
  console.log(`${sum} faults of the storage (${kinds}), ${SEEDS} seeds: ${ends.join("; ")}; 0 false successes`);
  expect(faults.size).toBeGreaterThanOrEqual(TRIES_ALL ? 10 : 5);
});
