import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serviceDatabase } from "../backup/snapshot/snapshot-rig.fixture.ts";
import type { Taken } from "../backup/snapshot/take.ts";
import { Vault } from "../backup/torture/vault.fixture.ts";
import { OpsError } from "../command/errors.ts";
import type { D1Connection } from "../d1/connection.ts";
import { checks, contents } from "../d1/nasty-database.fixture.ts";
import { sqliteD1 } from "../d1/sqlite-connection.ts";
import { LOAD_ATTEMPTS_MAX } from "../limits.ts";

let vault: Vault;
let taken: Taken;
beforeAll(async () => {
  vault = await Vault.make();
  serviceDatabase(20, vault.database);
  taken = await vault.take();
});
afterAll(() => vault.remove());

/** D1 that does what the n-th changing request asks, or does not, and answers nothing of use either way. */
function unclearAt(connection: D1Connection, isUnclear: (write: number) => boolean, isDone: boolean): D1Connection {
  let writes = 0;
  return {
    async batch(statements, options) {
      const reads = statements.every(({ sql }) => /^\s*(SELECT|PRAGMA)\b/i.test(sql));
      if (reads) return await connection.batch(statements, options);
      writes += 1;
      if (!isUnclear(writes)) return await connection.batch(statements, options);
      if (isDone) await connection.batch(statements, options);
      throw new OpsError({ op: "POST", subject: "d1", cause: "500", hint: "wait" }, { status: 500, is_unclear: true });
    },
  };
}

test.each([
  { what: "did", isDone: true },
  { what: "did not do", isDone: false },
])("a load outlasts answers that do not tell that D1 $what what was asked, at any write", async ({ isDone }) => {
  const whole = new DatabaseSync(":memory:");
  let writes = 0;
  const count = (write: number) => {
    writes = write;
    return false;
  };
  await vault.load(taken.info.id, unclearAt(sqliteD1(whole), count, isDone));
  for (let at = 1; at <= writes; at += 1) {
    const target = new DatabaseSync(":memory:");
    await vault.load(
      taken.info.id,
      unclearAt(sqliteD1(target), (write) => write === at, isDone),
    );
    expect({ at, checks: checks(target) }).toEqual({ at, checks: ["ok"] });
    expect(contents(target)).toEqual(contents(whole));
    target.close();
  }
  expect(writes).toBeGreaterThan(10);
});

test("a load that never gets an answer ends with D1's words", async () => {
  const target = new DatabaseSync(":memory:");
  let unclear = 0;
  const never = unclearAt(
    sqliteD1(target),
    () => {
      unclear += 1;
      return true;
    },
    false,
  );
  await expect(vault.load(taken.info.id, never)).rejects.toThrow(/500/);
  expect(unclear).toBe(LOAD_ATTEMPTS_MAX);
});
