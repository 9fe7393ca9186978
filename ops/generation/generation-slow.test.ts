/** Moves under mixed traffic, on one platform: the stores go and come back, and nobody notices but by a 202. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { runCli } from "../command/run-cli.fixture.ts";
import { putStock } from "../service/stock.fixture.ts";
import { cancelSwitch } from "./cancel.ts";
import { copyFromLive } from "./copy-database.ts";
import { fromPacks } from "./copy-vectors.ts";
import { platformSession } from "./session.fixture.ts";
import type { StoreSession } from "./stores.ts";
import { switchGeneration } from "./switch.ts";
import { mixedTraffic } from "./traffic.fixture.ts";
import { VectorIndex } from "./vector-index.ts";

const folder = mkdtempSync(join(tmpdir(), "prism-generation-"));
let service: Service;
let session: StoreSession & { close(): void };
beforeAll(async () => {
  service = await startService({ data_dir: folder });
  await putStock(service);
  session = await platformSession(service.platform, folder);
}, 120_000);
afterAll(async () => {
  session.close();
  await service.close();
  rmSync(folder, { recursive: true, force: true });
});

const ops = async (...words: string[]) => {
  const { stdout } = await runCli([...words, "--data", folder, "--json"]);
  return JSON.parse(stdout);
};
const planned = async () =>
  (await session.driver.preview()).steps.flatMap(({ kind, name }) => (kind === "same" ? [] : [`${kind} ${name}`]));

test("both stores move and come back under mixed traffic: no request fails, no write is lost", async () => {
  const traffic = mixedTraffic(service);
  await traffic.underway();
  const moved = await ops("generation", "move", "all", "--yes");
  expect(moved).toMatchObject({ database: { from: 1, to: 2 }, vectors: { from: 1, to: 2 } });
  expect(moved.fence_ms).toBeGreaterThan(0);
  await traffic.underway();
  const between = await session.target.resources();
  expect([between.database.live, between.vectors.live]).toEqual([2, 2]);
  // A vector that no chunk ever had, left in the old index by a writer that broke off, does not bar the way back.
  const values = Float32Array.from({ length: between.vectors.generations[0]?.dimensions ?? 0 }, () => 1);
  await new VectorIndex(session, "prism-chunks-g1").upsert([
    { id: "stray", values, namespace: "default", metadata: {} },
  ]);
  const undone = await ops("generation", "undo", "all", "--yes");
  expect(undone).toMatchObject({ database: { from: 2, to: 1 }, vectors: { from: 2, to: 1 } });
  await traffic.underway();

  const seen = await traffic.stop();
  expect(seen.failed).toEqual([]);
  expect(seen.lost).toEqual([]);
  expect(seen.deferred).toBeGreaterThan(0);
  // The next deployment agrees with what is live.
  expect(await planned()).toEqual([]);
  // Every chunk has its vector, and no vector is left over.
  const live = await service.platform.runtime.queryD1(
    service.platform.runtime.registry.list("d1").find(({ name }) => name === "prism-db-g1")?.uuid ?? "",
    [{ sql: "SELECT count(*) FROM chunks" }, { sql: "SELECT count(*) FROM write_fence" }],
  );
  expect(live.map(({ rows }) => rows[0]?.[0])).toEqual([
    service.platform.vectorize.info("prism-chunks-g1").vectorCount,
    0,
  ]);
}, 600_000);

test("a switch that fails while writers wait leaves the live stores as they were, and cancelling removes what was begun", async () => {
  // As late as it can fail: the copy is complete and verified, and the Worker is not switched.
  const finish: typeof copyFromLive.finish = async (filling) => {
    await copyFromLive.finish(filling);
    throw new Error("the deployment did not come");
  };
  const copying = { ...copyFromLive, finish };
  for (const attempt of ["first", "second"]) {
    const failed = switchGeneration(session, { database: { fill: copying }, by: "generation.test.ts" });
    await expect(failed).rejects.toThrow("the deployment did not come");
    const written = await service.call("PUT", `/api/v1/documents/${attempt}`, { text: "Writers go on." });
    expect(written.status).toBe(201);
  }
  const { database, under_way, undo } = await ops("generation", "list");
  expect(database.live).toBe(1);
  expect(under_way).toMatchObject({ step: "fill", database: { from: 1, to: 3 } });
  expect(undo).toMatchObject({ database: { from: 2, to: 1 }, vectors: { from: 2, to: 1 } });

  const other = switchGeneration(session, { vectors: { fill: fromPacks }, by: "generation.test.ts" });
  await expect(other).rejects.toMatchObject({ exit_code: 3 });
  expect(await cancelSwitch(session)).toEqual({
    deferred_writes: 0,
    deferred_waiting: 0,
    dropped: ["database g3"],
  });
  const after = await session.target.resources();
  expect(after.database.generations.map(({ generation }) => generation)).toEqual([1, 2]);
}, 600_000);

test("the way back is dropped only when it is given up early, and then it is gone with its data", async () => {
  expect((await ops("generation", "drop", "database", "2", "--yes")).error.hint).toContain("--early");
  expect(await ops("generation", "drop", "database", "2", "--early", "--yes")).toEqual({
    stack: "local",
    store: "database",
    generation: 2,
    dropped: true,
  });
  const { database } = await session.target.resources();
  expect(database.generations.map(({ generation }) => generation)).toEqual([1]);
  expect(service.platform.runtime.registry.list("d1").map(({ name }) => name)).toEqual(["prism-db-g1"]);
  expect(await planned()).toEqual([]);
}, 600_000);
