/** The disaster itself: database, vector index and configuration destroyed, everything back from the bucket, through the command line. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { runCli } from "../command/run-cli.fixture.ts";
import { addChunks } from "./many-chunks.fixture.ts";
import { destroyStores, liveStack, stackState } from "./stack-state.fixture.ts";

const CHUNKS = 10_000;

let dir: string;
let service: Service;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "prism-disaster-"));
  service = await startService({ data_dir: dir });
}, 60_000);
afterAll(async () => {
  await service.close();
  await rm(dir, { recursive: true });
});

async function ops(...words: string[]) {
  const { code, stdout, stderr } = await runCli([...words, "--data", dir, "--json"]);
  return { code, stderr, ...JSON.parse(stdout) };
}

async function answers() {
  const asked = ["what the surveyor wrote about the ford", "river lake spring", "Note 77"].map((query) =>
    service.call("POST", "/api/v1/search", { query, top_k: 5 }),
  );
  return (await Promise.all(asked)).map(({ status, json }) => ({
    status,
    results: json.results,
    degraded: json.degraded,
  }));
}

test(`${CHUNKS} chunks: after the stores are destroyed, every row, vector and key is back and the service answers as before`, {
  timeout: 300_000,
}, async () => {
  await addChunks(service.platform, dir, CHUNKS);
  const { api, account_id, resources } = await liveStack(service.platform, dir);
  await api.kv.namespaces.bulkUpdate(resources.kv.config, {
    account_id,
    body: [{ key: "blocklist:203.0.113.9", value: "abuse", metadata: { by: "test" } }],
  });
  const first = await ops("backup", "create");
  expect(first).toMatchObject({ code: 0, summary: { kind: "full" } });
  const notes = Array.from({ length: 100 }, (_, number) => ({
    id: `survey/${number}`,
    text: `The surveyor wrote about ford ${number} that it is passable in summer.`,
    metadata: { collection: "survey" },
  }));
  await service.job((await service.call("POST", "/api/v1/documents/batch", { documents: notes })).json.job_id);
  const second = await ops("backup", "create");
  expect(second).toMatchObject({ code: 0, summary: { kind: "incremental" } });
  const before = await stackState(service.platform, dir);
  expect(Object.keys(before).filter((name) => name.startsWith("vector ")).length).toBeGreaterThan(CHUNKS);
  const answered = await answers();

  await destroyStores(service.platform, dir);
  expect((await service.call("GET", "/health")).status).toBe(503);

  const applied = await ops("restore", "apply", "--yes");
  expect(applied, applied.stderr).toMatchObject({ code: 0, restored: { snapshot: second.snapshot.id } });
  expect(await stackState(service.platform, dir)).toEqual(before);
  expect(await answers()).toEqual(answered);
  console.log(
    JSON.stringify({
      plan: { requests: applied.plan.requests, duration_s: applied.plan.duration_s },
      restored: applied.restored,
    }),
  );
  expect(await ops("restore", "undo", "--yes")).toMatchObject({
    code: 3,
    error: { cause: "there was no live database before it" },
  });
});
