/** Giving an interrupted switch up works whatever is missing, and never takes away what an undo was going back to. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { runCli } from "../command/run-cli.fixture.ts";
import { cancelSwitch } from "./cancel.ts";
import { copyFromLive } from "./copy-database.ts";
import { fromPacks } from "./copy-vectors.ts";
import { platformSession } from "./session.fixture.ts";
import type { StoreSession } from "./stores.ts";
import { switchGeneration } from "./switch.ts";

let folder: string;
let service: Service;
let session: StoreSession & { close(): void };
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "prism-cancel-"));
  service = await startService({ data_dir: folder });
  await service.call("PUT", "/api/v1/documents/one", { text: "Was here before." });
  session = await platformSession(service.platform, folder);
});
afterEach(async () => {
  session.close();
  await service.close();
  rmSync(folder, { recursive: true, force: true });
});

const ops = async (...words: string[]) => {
  const { code, stdout } = await runCli([...words, "--data", folder, "--json"]);
  return { code, ...JSON.parse(stdout) };
};
const generations = async () => {
  const { database, vectors } = await session.target.resources();
  const numbers = (all: { generation: number }[]) => all.map(({ generation }) => generation);
  return { database: numbers(database.generations), vectors: numbers(vectors.generations) };
};
const database = async (generation: number) =>
  (await session.target.resources()).database.generations.find((one) => one.generation === generation)?.id ?? "";
const deleteDatabase = async (generation: number) =>
  session.api.d1.database.delete(await database(generation), { account_id: session.account_id });

/** A switch of both stores that ends when all is copied. This process began it, so only this one may go on with it. */
async function interrupted(): Promise<void> {
  const fail = async (): Promise<never> => {
    throw new Error("interrupted");
  };
  const failed = switchGeneration(session, {
    database: { fill: copyFromLive },
    vectors: { fill: { ...fromPacks, finish: fail } },
    by: "cancel-slow.test.ts",
  });
  await expect(failed).rejects.toThrow("interrupted");
}

async function expectNothingUnderWay(): Promise<void> {
  expect(await ops("generation", "list")).toMatchObject({ code: 0, under_way: null });
  await expect(cancelSwitch(session)).rejects.toMatchObject({ exit_code: 3, parts: { cause: "none is under way" } });
}

const BOTH = { deferred_writes: 0, deferred_waiting: 0, dropped: ["database g2", "vectors g2"] };

test("generations that were declared and never made", async () => {
  const up = async (): Promise<never> => {
    throw new Error("no deployment");
  };
  const failed = switchGeneration(
    { ...session, driver: { ...session.driver, up } },
    { database: { fill: copyFromLive }, vectors: { fill: fromPacks }, by: "cancel-slow.test.ts" },
  );
  await expect(failed).rejects.toThrow("no deployment");
  expect(await cancelSwitch(session)).toMatchObject(BOTH);
  expect(await generations()).toEqual({ database: [1], vectors: [1] });
  await expectNothingUnderWay();
  expect((await service.call("PUT", "/api/v1/documents/two", { text: "Goes on." })).status).toBe(201);
});

test("the live database is deleted, and the new one, too", async () => {
  await interrupted();
  await deleteDatabase(1);
  await deleteDatabase(2);
  expect(await cancelSwitch(session)).toMatchObject(BOTH);
  await expectNothingUnderWay();
});

test("the live database has lost the table of the fence and keeps its triggers", async () => {
  await interrupted();
  const id = await database(1);
  const run = (...batch: string[]) =>
    session.api.d1.database.raw(id, { account_id: session.account_id, batch: batch.map((sql) => ({ sql })) });
  await run(
    "CREATE TRIGGER write_fence_tenants_insert BEFORE INSERT ON tenants BEGIN SELECT RAISE(ABORT, 'fenced'); END",
    "DROP TABLE write_fence",
  );
  expect(await cancelSwitch(session)).toMatchObject(BOTH);
  await run("INSERT INTO tenants VALUES ('written', 1, 1)");
  await expectNothingUnderWay();
});

test("the live index is deleted", async () => {
  await interrupted();
  await session.api.vectorize.indexes.delete("prism-chunks-g1", { account_id: session.account_id });
  expect(await cancelSwitch(session)).toMatchObject(BOTH);
  await expectNothingUnderWay();
});

test("a number that a deleted live database is taken for is not the new generation's", async () => {
  expect(await ops("generation", "move", "database", "--yes")).toMatchObject({ code: 0, database: { to: 2 } });
  const up = async (): Promise<never> => {
    throw new Error("no deployment");
  };
  const failed = switchGeneration(
    { ...session, driver: { ...session.driver, up } },
    { database: { fill: copyFromLive }, by: "cancel-slow.test.ts" },
  );
  await expect(failed).rejects.toThrow("no deployment");
  await deleteDatabase(2);
  // Under its name there is another one now: what the Worker is bound to counts as the number after the last, which is 3.
  await session.api.d1.database.create({ account_id: session.account_id, name: "prism-db-g2" });
  expect(await cancelSwitch(session)).toMatchObject({ dropped: ["database g3"] });
  await expectNothingUnderWay();
});

test("an undo of a restore that was interrupted: what it was going back to stays, with its data", async () => {
  expect(await ops("backup", "create")).toMatchObject({ code: 0 });
  await service.call("PUT", "/api/v1/documents/one", { text: "Written after the snapshot." });
  expect(await ops("restore", "apply", "--yes")).toMatchObject({ code: 0 });
  const failed = switchGeneration(session, {
    database: {
      fill: { ...copyFromLive, id: "as it was", prepare: async () => Promise.reject(new Error("cut")) },
      to: 1,
    },
    by: "ops restore undo",
  });
  await expect(failed).rejects.toThrow("cut");
  expect(await cancelSwitch(session)).toMatchObject({ dropped: [] });
  expect(await generations()).toEqual({ database: [1, 2], vectors: [1, 2] });
  expect(await ops("restore", "undo", "--yes")).toMatchObject({ code: 0, database: { to: 1 } });
  expect((await service.call("GET", "/api/v1/documents/one")).json.text).toBe("Written after the snapshot.");
});

test("a live index that was deleted is moved away from: the new one is filled from the packs, in their dimensions", async () => {
  await session.api.vectorize.indexes.delete("prism-chunks-g1", { account_id: session.account_id });
  const moved = await ops("generation", "move", "vectors", "--yes");
  expect(moved).toMatchObject({ code: 0, vectors: { to: 2 } });
  const search = () => service.call("POST", "/api/v1/search", { query: "Was here before.", mode: "vector" });
  await expect.poll(async () => (await search()).json.results?.length, { timeout: 20_000 }).toBe(1);
});
