/** A rebuild of the index under mixed traffic, with another embedding model: nobody notices but by a 202, and there is a way back. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { invoked } from "../command/invoked.fixture.ts";
import { runCli } from "../command/run-cli.fixture.ts";
import { readRecord } from "../generation/record.ts";
import { platformSession } from "../generation/session.fixture.ts";
import type { StoreSession } from "../generation/stores.ts";
import { mixedTraffic } from "../generation/traffic.fixture.ts";
import { generationUndo } from "../generation/undo.ts";
import { liveStack } from "../restore/stack-state.fixture.ts";
import { putStock } from "../service/stock.fixture.ts";
import { indexCheck } from "./check.ts";
import { indexRebuild } from "./rebuild.ts";

const LEXICAL = "@prism/lexical-384-v1";
const BASE = "@cf/baai/bge-base-en-v1.5";
const folder = mkdtempSync(join(tmpdir(), "prism-rebuild-"));
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
  const { stdout, code } = await runCli([...words, "--data", folder, "--json"]);
  return { code, ...JSON.parse(stdout) };
};
const rebuild = ["index", "rebuild", "--embedding-model", BASE, "--yes"];

/** What serves: the model, the generations, and every sort of vector that chunks point to. */
async function serving() {
  const { database, resources } = await liveStack(service.platform, folder);
  const [found] = await database.batch([
    {
      sql: `SELECT DISTINCT p.embedding_model, p.dimensions FROM chunks c JOIN packs p ON p.id = c.pack_id`,
    },
  ]);
  const { json } = await service.call("GET", "/v1/models");
  return {
    live: [resources.database.live, resources.vectors.live],
    sorts: found?.rows,
    model: json.data.at(-1).id,
  };
}

/** Rows, full text, packs and index agree, and with the model that the Worker asks with. */
async function expectSound(): Promise<void> {
  await service.platform.vectorize.flush();
  const { data } = await invoked(indexCheck, folder, {}, { now: () => Date.now() + 600_000 });
  expect(data.found).toEqual([]);
  expect(data.vectors).toBe(data.chunks);
}

test("another model takes over under mixed traffic, and goes again: no request fails, no write is lost, no two models meet", async () => {
  expect(await serving()).toEqual({ live: [1, 1], sorts: [[LEXICAL, 384]], model: LEXICAL });
  const unknown = invoked(indexRebuild, folder, { embedding_model: "@prism/another" });
  await expect(unknown).rejects.toMatchObject({ parts: { subject: "@prism/another" } });
  const traffic = mixedTraffic(service);
  await traffic.underway();
  const rebuilt = await ops(...rebuild);
  expect(rebuilt).toMatchObject({ code: 0, database: { from: 1, to: 2 }, vectors: { from: 1, to: 2 } });
  await traffic.underway();
  expect(await serving()).toEqual({ live: [2, 2], sorts: [[BASE, 768]], model: BASE });
  const alone = invoked(generationUndo, folder, { stores: "database" });
  await expect(alone).rejects.toMatchObject({ exit_code: 3, parts: { hint: expect.stringContaining("undo all") } });
  const embedded = service.platform.ai_usage().embedded_texts;
  const undone = await ops("generation", "undo", "all", "--yes");
  expect(undone).toMatchObject({ code: 0, database: { from: 2, to: 1 }, vectors: { from: 2, to: 1 } });
  await traffic.underway();
  const seen = await traffic.stop();
  expect(seen.failed).toEqual([]);
  expect(seen.lost).toEqual([]);
  expect(seen.deferred).toBeGreaterThan(0);
  expect(await serving()).toEqual({ live: [1, 1], sorts: [[LEXICAL, 384]], model: LEXICAL });
  // The stock had its vectors: only what was written meanwhile was embedded.
  expect(service.platform.ai_usage().embedded_texts - embedded).toBeLessThan(seen.requests);
  await expectSound();
  console.log(
    JSON.stringify({
      requests: seen.requests,
      deferred: seen.deferred,
      rebuilt: [rebuilt.fence_ms, rebuilt.seconds],
      undone: [undone.fence_ms, undone.seconds],
    }),
  );
}, 600_000);

test("a killed rebuild is gone on with and embeds nothing twice, or is given up and leaves nothing", async () => {
  for (const ending of ["cancel", "resume"]) {
    const cli = join(import.meta.dirname, "../cli.ts");
    const child = spawn(process.execPath, [cli, ...rebuild, "--data", folder], { stdio: "ignore" });
    const gone = once(child, "exit");
    const made = async () =>
      (await readRecord(session.bucket, session.steady))?.value.vectors?.state.packs?.length ?? 0;
    await vi.waitFor(async () => expect((await made()) > 0 || child.exitCode !== null).toBe(true), {
      timeout: 300_000,
      interval: 20,
    });
    child.kill("SIGKILL");
    await gone;
    const record = await readRecord(session.bucket, session.steady);
    expect(record?.value).toMatchObject({ embedding_model: { from: LEXICAL, to: BASE } });
    expect((await serving()).live).toEqual([1, 1]);
    const embedded = service.platform.ai_usage().embedded_texts;
    expect(await ops("generation", ending)).toMatchObject({ code: 0 });
    expect(await readRecord(session.bucket, session.steady)).toBe(null);
    if (ending === "resume") expect(service.platform.ai_usage().embedded_texts - embedded).toBeLessThanOrEqual(1);
  }
  const { live, sorts, model } = await serving();
  expect({ sorts, model }).toEqual({ sorts: [[BASE, 768]], model: BASE });
  expect(live[0]).toBe(live[1]);
  await expectSound();
  expect((await session.driver.preview()).steps.filter(({ kind }) => kind !== "same")).toEqual([]);
  // The model that serves is no other one: a rebuild then takes vectors out of their packs.
  const { data } = await invoked(indexRebuild, folder, { embedding_model: BASE }, { dry_run: true });
  expect(data.steps.join()).toContain("vectors of the packs");
}, 600_000);
