/** Generations that were left seven days ago end: by the next switch, or by themselves. Time passes in the records of the switches. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DAY_MS } from "../../infra/limits.ts";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { runCli } from "../command/run-cli.fixture.ts";
import { UNDO_WINDOW_MS } from "../limits.ts";
import { dropGenerations } from "./generations.ts";
import { DROP_REASON } from "./live.ts";
import { platformSession } from "./session.fixture.ts";
import type { StoreSession } from "./stores.ts";

let folder: string;
let service: Service;
let session: StoreSession & { close(): void };
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "prism-expired-"));
  service = await startService({ data_dir: folder });
  await service.call("PUT", "/api/v1/documents/spring", { text: "Water rises from the ground at a spring." });
  session = await platformSession(service.platform, folder);
}, 120_000);
afterAll(async () => {
  session.close();
  await service.close();
  rmSync(folder, { recursive: true, force: true });
});

async function ops(...words: string[]) {
  const { code, stdout } = await runCli([...words, "--data", folder, "--json"]);
  return { code, ...JSON.parse(stdout) };
}

/** So long ago the database left these generations. */
async function age(ms: number, ...generations: number[]): Promise<void> {
  const key = "generations/undo-database.json";
  const { body, etag } = await session.bucket.read(key, session.steady);
  const way = JSON.parse(Buffer.from(body).toString());
  for (const one of [{ ...way, generation: way.from }, ...way.left]) {
    if (!generations.includes(one.generation)) continue;
    if (one.generation === way.from) way.at_ms -= ms;
    else way.left.find(({ generation }: { generation: number }) => generation === one.generation).at_ms -= ms;
  }
  await session.bucket.replace(key, Buffer.from(JSON.stringify(way)), etag, session.steady);
}

const databases = async () =>
  (await ops("generation", "list")).database.generations.map(({ generation }: { generation: number }) => generation);

test("a generation ends with its own seven days, by the next switch that makes one; its dry run says so", {
  timeout: 300_000,
}, async () => {
  for (const to of [2, 3])
    expect(await ops("generation", "move", "database", "--yes")).toMatchObject({ database: { to }, dropped: [] });
  await age(UNDO_WINDOW_MS - 60_000, 1);
  expect(await ops("generation", "drop", "--expired", "--yes")).toMatchObject({ code: 0, expired: [] });
  await age(60_000, 1);
  const planned = await ops("generation", "move", "database", "--dry-run");
  expect(planned.steps).toContainEqual(expect.stringMatching(/^delete database g1:/));
  const moved = await ops("generation", "move", "database", "--yes");
  expect(moved).toMatchObject({ code: 0, database: { from: 3, to: 4 }, dropped: ["database g1"] });
  expect(await databases()).toEqual([2, 3, 4]);
  // What is left is enough for the way back, which is a switch that makes nothing new, and drops nothing.
  await age(UNDO_WINDOW_MS, 2);
  expect(await ops("generation", "undo", "database", "--yes")).toMatchObject({ database: { to: 3 }, dropped: [] });
  expect((await session.driver.getConfig("waivers")) ?? []).toEqual([]);
});

test("a restore deletes them as well: its plan and its outcome name them", { timeout: 300_000 }, async () => {
  const vault = ["--repository", join(folder, "vault")];
  expect((await ops("backup", "create", ...vault)).code).toBe(0);
  expect(await ops("restore", "plan", ...vault)).toMatchObject({ database: { to: 5 }, drops: ["database g2"] });
  const { restored } = await ops("restore", "apply", "--yes", ...vault);
  expect(restored).toMatchObject({ database: { from: 3, to: 5 }, dropped: ["database g2"] });
  expect(await databases()).toEqual([3, 4, 5]);
});

test("generation drop --expired deletes them without a switch, never the live one, and asks", {
  timeout: 300_000,
}, async () => {
  await age(UNDO_WINDOW_MS, 3, 4);
  const expired = [3, 4].map((generation) => ({ store: "database", generation }));
  expect(await ops("generation", "drop", "--expired", "--dry-run")).toMatchObject({ dropped: false, expired });
  expect(await ops("generation", "drop", "--expired")).toMatchObject({ code: 3, error: { reason: "unconfirmed" } });
  expect(await ops("generation", "drop", "database", "--expired", "--yes")).toMatchObject({ code: 2 });
  expect(await ops("generation", "drop", "--expired", "--yes")).toMatchObject({ code: 0, dropped: true, expired });
  expect(await databases()).toEqual([5]);
  expect(await ops("restore", "undo", "--yes")).toMatchObject({ code: 3 });
  expect((await service.call("GET", "/api/v1/documents/spring")).status).toBe(200);
});

test("a drop that failed or died leaves no waiver that stops later deployments", { timeout: 300_000 }, async () => {
  // As one leaves it that was killed between its deployments, some days ago.
  const left = { resource: "prism-db-g1", reason: DROP_REASON, expires: "2026-01-01" };
  await session.driver.setConfig({ waivers: [left] });
  const { code, database } = await ops("generation", "move", "database", "--yes");
  expect(code).toBe(0);
  expect((await session.driver.getConfig("waivers")) ?? []).toEqual([]);
  // By a clock that is ahead the waiver lasts longer than one may.
  const ahead = { ...session, now: () => Date.now() + 60 * DAY_MS };
  const one = { store: "database" as const, generation: database.from };
  await expect(dropGenerations(ahead, [one])).rejects.toThrow(/30 days are the most/);
  expect((await session.driver.getConfig("waivers")) ?? []).toEqual([]);
  expect(await databases()).toContain(database.from);
  await age(UNDO_WINDOW_MS, database.from);
  expect(await ops("generation", "drop", "--expired", "--yes")).toMatchObject({ code: 0, expired: [one] });
  expect(await databases()).not.toContain(database.from);
});
