/** Commands at the same time over one repository: all right, or refused with what to do, and never damage. */
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { asOpsError, OpsError } from "../../command/errors.ts";
import type { D1Connection } from "../../d1/connection.ts";
import { contents } from "../../d1/nasty-database.fixture.ts";
import { sqliteD1 } from "../../d1/sqlite-connection.ts";
import { takeLease } from "../repository/leases.ts";
import { serviceDatabase } from "../snapshot/snapshot-rig.fixture.ts";
import type { Taken } from "../snapshot/take.ts";
import { EXTENT_TIMEOUT_MS, TRIES_ALL } from "./extent.fixture.ts";
import { randomOf } from "./faults.fixture.ts";
import { Vault } from "./vault.fixture.ts";

const ROUNDS = TRIES_ALL ? 60 : 4;
let vault: Vault;
beforeEach(async () => {
  vault = await Vault.make();
  serviceDatabase(30, vault.database);
});
afterEach(() => vault.remove());

/** A connection at whose n-th batch something happens first. */
function at(batch: number, meanwhile: () => Promise<void>): D1Connection {
  const connection = sqliteD1(vault.database);
  let batches = 0;
  return {
    async batch(statements, options) {
      batches += 1;
      if (batches === batch) await meanwhile();
      return await connection.batch(statements, options);
    },
  };
}

/** Backups of one database share its connection, which has no transactions side by side. */
function inTurn(): D1Connection {
  const connection = sqliteD1(vault.database);
  let last: Promise<unknown> = Promise.resolve();
  return {
    batch(statements, options) {
      const mine = last.catch(() => {}).then(() => connection.batch(statements, options));
      last = mine;
      return mine;
    },
  };
}

const pruneTo = (keep: readonly string[]) =>
  vault.open(async (repository) => repository.prune(await repository.planPrune(keep)));

async function loaded(id: string): Promise<string[]> {
  const target = new DatabaseSync(":memory:");
  await vault.load(id, sqliteD1(target));
  return contents(target);
}

async function expectHolds(taken: Taken): Promise<void> {
  const target = new DatabaseSync(":memory:");
  await vault.load(taken.info.id, sqliteD1(target));
  expect(await vault.differences(taken, target)).toEqual([]);
}

test("two backups at once give two snapshots, each whole, and the next one continues", {
  timeout: EXTENT_TIMEOUT_MS,
}, async () => {
  await vault.take();
  const connection = inTurn();
  for (let round = 1; round <= ROUNDS; round += 1) {
    vault.database.exec(`UPDATE chunks SET token_count = ${round} WHERE id % 3 = 1`);
    const both = await Promise.all([vault.take(vault.storage, connection), vault.take(vault.storage, connection)]);
    expect(await vault.damages()).toEqual([]);
    for (const taken of both) await expectHolds(taken);
  }
  const after = await vault.take();
  expect(after.summary.kind).toBe("incremental");
  expect(await vault.differences(after)).toEqual([]);
});

test("a backup and a prune that begin at any distance of each other do no damage, and who is refused is told why", {
  timeout: EXTENT_TIMEOUT_MS,
}, async () => {
  const random = randomOf(7);
  const ends: Record<string, number> = {};
  for (let round = 1; round <= ROUNDS * 2; round += 1) {
    vault.database.exec(`UPDATE chunks SET token_count = ${round} WHERE id % 3 = 1`);
    await vault.take();
    const [newest] = await vault.open((repository) => repository.listSnapshots());
    let pruned: Promise<string> = Promise.resolve("not begun");
    const begin = 1 + Math.floor(random() * 5);
    const prune = async (): Promise<void> => {
      pruned = pruneTo([newest?.id ?? ""]).then(
        () => "pruned",
        (error: unknown) => asOpsError(error).parts.cause,
      );
      // Sometimes it is over before the backup goes on, sometimes it runs beside it.
      if (random() < 0.5) await pruned;
    };
    if (round % 3 === 0) await prune();
    const taken = await vault.take(vault.storage, at(round % 3 === 0 ? -1 : begin, prune)).catch((error: unknown) => {
      expect(error).toBeInstanceOf(OpsError);
      return (error as OpsError).parts.cause;
    });
    const how = `${typeof taken === "string" ? taken : "backed up"}, ${await pruned}`.replace(
      /\(.*?\)|[0-9a-f]{16}/g,
      "…",
    );
    ends[how] = (ends[how] ?? 0) + 1;
    expect({ round, damages: await vault.damages() }).toEqual({ round, damages: [] });
    if (typeof taken !== "string") await expectHolds(taken);
    await pruneTo([(await vault.open((repository) => repository.listSnapshots()))[0]?.id ?? ""]);
  }
  console.log(`backup beside prune: ${JSON.stringify(ends)}`);
  expect(Object.keys(ends).every((how) => /backed up|prune is running|was pruned/.test(how))).toBe(true);
});

test("a prune spares the snapshot that a restore reads, says so, and takes it afterwards", async () => {
  const old = (await vault.take()).info.id;
  const wanted = await loaded(old);
  vault.database.exec("DELETE FROM chunks WHERE id < 20");
  const newest = (await vault.take()).info.id;
  await vault.open(async (restoring) => {
    const lease = await restoring.leaseForRestore([old]);
    const plan = await vault.open((repository) => repository.planPrune([newest]));
    expect(plan).toMatchObject({
      remove: [],
      in_use: [{ id: old, by: expect.stringMatching(/^restore by .* process/) }],
    });
    expect((await pruneTo([newest])).snapshots_removed).toEqual([]);
    expect(await loaded(old)).toEqual(wanted);
    await lease.release();
  });
  expect((await pruneTo([newest])).snapshots_removed).toEqual([old]);
  expect(await vault.damages()).toEqual([]);
});

test("a restore does not begin beside a prune, and is told when to come back", async () => {
  await vault.take();
  const prune = await takeLease(
    { storage: vault.storage, signal: new AbortController().signal },
    { kind: "prune", snapshots: [], epochs: [] },
  );
  const refused = vault.open((repository) => repository.leaseForRestore([]));
  await expect(refused).rejects.toMatchObject({
    exit_code: 3,
    parts: {
      cause: expect.stringMatching(/a prune is running \(.* process \d+\)/),
      hint: expect.stringMatching(/repeat it/),
    },
  });
  await expect(vault.take()).rejects.toMatchObject({ exit_code: 3 });
  await prune.release();
  expect((await vault.take()).info.counter).toBe(2);
});

test("a backup that slept so long that it was taken for dead does no harm when it wakes beside a prune", async () => {
  const first = await vault.take();
  vault.database.exec("UPDATE chunks SET token_count = 9");
  const asleep = vault.take(
    vault.storage,
    at(3, async () => {
      vault.ageLeases();
      await vault.take();
      vault.ageLeases();
      const [newest] = await vault.open((repository) => repository.listSnapshots());
      expect((await pruneTo([newest?.id ?? ""])).snapshots_removed).toEqual([first.info.id]);
    }),
  );
  await expect(asleep).rejects.toMatchObject({
    parts: { cause: expect.stringMatching(/took its lease over/), hint: expect.stringMatching(/repeat/) },
  });
  expect(await vault.damages()).toEqual([]);
  const next = await vault.take();
  expect(await vault.differences(next)).toEqual([]);
  await expectHolds(next);
});
