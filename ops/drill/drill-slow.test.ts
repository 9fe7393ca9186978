import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { runCli } from "../command/run-cli.fixture.ts";
import { SCRATCH_ABANDONED_MS } from "../limits.ts";
import { liveStack } from "../restore/stack-state.fixture.ts";
import { removeAbandonedScratch } from "./scratch-stores.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "prism-drill-test-"));
});
afterAll(() => rm(dir, { recursive: true }));

async function drill(...words: string[]) {
  const { code, stdout, stderr } = await runCli(["drill", ...words, "--json"]);
  return { code, stderr, ...JSON.parse(stdout) };
}

test("without a platform a drill runs on one of its own: backed up by a key that only writes, restored by the escrowed one", {
  timeout: 120_000,
}, async () => {
  const report = await drill("--data", join(dir, "none"));
  expect(report, report.stderr).toMatchObject({
    code: 0,
    own_platform: true,
    passed: true,
    golden: { asked: 20, answered: 20 },
    differences: [],
    left_behind: [],
  });
  expect(report.vectors.compared).toBe(report.vectors.vectors);
  expect(report.rto_s).toBeGreaterThan(0);
  expect(report.rpo_s).toBeGreaterThan(0);
});

test("a drill fails when a part of the snapshot is not what was written, names it, and leaves no scratch behind; what killed drills left goes a day later", {
  timeout: 120_000,
}, async () => {
  const data = join(dir, "data");
  const service: Service = await startService({ data_dir: data });
  try {
    await service.call("PUT", "/api/v1/documents/one", { text: "A spring is where water rises from the ground." });
    const vault = join(dir, "vault");
    const on = ["--data", data, "--repository", vault];
    expect((await runCli(["backup", "create", ...on, "--json"])).code).toBe(0);
    expect(await drill(...on)).toMatchObject({ code: 0, own_platform: false, passed: true });

    const files = await readdir(join(vault, "epoch"), { recursive: true, withFileTypes: true });
    const part = files.find((entry) => entry.isFile() && entry.parentPath.includes("/parts/"));
    if (part === undefined) throw new Error("a repository has parts");
    await writeFile(join(part.parentPath, part.name), "something else");
    const failed = await drill(...on);
    expect(failed.code).toBe(1);
    expect(failed.error.subject).toContain(part.name);
    const { api, account_id } = await liveStack(service.platform, data);
    await api.d1.database.create({ account_id, name: "prism-drill-killed" });
    await api.vectorize.indexes.create({
      account_id,
      name: "prism-drill-killed",
      config: { dimensions: 8, metric: "cosine" },
    });
    expect(await removeAbandonedScratch(api, account_id, Date.now())).toEqual([]);
    expect(await removeAbandonedScratch(api, account_id, Date.now() + 2 * SCRATCH_ABANDONED_MS)).toEqual([
      "database prism-drill-killed",
      "vector index prism-drill-killed",
    ]);
    const names = (await api.d1.database.list({ account_id })).result.map(({ name }) => name);
    expect(names).toEqual(["prism-db-g1"]);
  } finally {
    await service.close();
  }
});
