import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startPlatform } from "../../local/platform.ts";
import { createClient } from "../service/client.ts";
import type { Rig } from "../service/rig.ts";
import { bundlePeer } from "./http-setup.ts";
import { createGun, fireInTurn, type Gun, mainThreadCpu_ms } from "./measure.ts";
import { busySamples, openWorkerCpu, type WorkerCpu } from "./worker-cpu.ts";

/** Lets D1 compute, for as many rows as asked. */
const SQL_WORKER = `
  const SQL = "WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < ?1) SELECT sum(i % 7) FROM t";
  export default {
    fetch: async (request, env) => Response.json(await env.DB.prepare(SQL).bind(50_000).first()),
  };`;

let rig: Rig;
let gun: Gun;
let cpu: WorkerCpu;
let pid: number;

beforeAll(async () => {
  const platform = await startPlatform({
    extra_workers: [
      { name: "spin", script: await bundlePeer("spin") },
      { name: "sql", script: SQL_WORKER, d1: { DB: randomUUID() } },
    ],
  });
  rig = {
    platform,
    client: createClient({ url: platform.url, token: platform.admin_key, signal: new AbortController().signal }),
  };
  gun = createGun(platform.url, platform.admin_key);
  const opened = await openWorkerCpu(rig, gun);
  if (opened === null) throw new Error("this test needs /proc");
  cpu = opened;
  pid = platform.workerdPid() ?? 0;
  await cpu.weigh();
});

afterAll(async () => {
  cpu.close();
  gun.close();
  await rig.platform.close();
});

/** What the profile and what the operating system say a Worker used for some equal requests. */
async function bothAccounts(
  worker: string,
  path: string,
  requests: number,
): Promise<{ profile_ms: number; os_ms: number }> {
  const shots = Array.from({ length: requests }, () => ({ method: "GET" as const, path }));
  await fireInTurn(gun, shots.slice(0, 5));
  let os_ms = 0;
  const samples = await cpu.samples(async () => {
    const before_ms = mainThreadCpu_ms(pid) ?? 0;
    await fireInTurn(gun, shots);
    os_ms = (mainThreadCpu_ms(pid) ?? 0) - before_ms;
  }, worker);
  return { profile_ms: samples * cpu.msPerSample(), os_ms };
}

test("requests that compute use by their samples about what they use by the operating system's clock", async () => {
  let profile_ms = 0;
  let os_ms = 0;
  for (let slice = 0; slice < 4; slice += 1) {
    // The machine's load, and with it the weight of a sample, may change in between.
    await cpu.weigh();
    const both = await bothAccounts("spin", "/__peer/spin/?steps=3000000", 20);
    profile_ms += both.profile_ms;
    os_ms += both.os_ms;
  }
  expect(profile_ms / os_ms).toBeGreaterThan(0.4);
  expect(profile_ms / os_ms).toBeLessThan(2);
});

test("D1's computing is not counted to the Worker that asked for it", async () => {
  const { profile_ms, os_ms } = await bothAccounts("sql", "/__peer/sql/", 40);
  expect(profile_ms).toBeGreaterThan(0);
  expect(profile_ms / os_ms).toBeLessThan(0.3);
});

test("garbage collection and native code count as work, idling does not", () => {
  const nodes = ["(root)", "(idle)", "(program)", "(garbage collector)", "handler"].map((functionName, id) => ({
    id,
    callFrame: { functionName },
  }));
  expect(busySamples({ nodes, samples: [1, 2, 1, 3, 4, 4] })).toBe(4);
});
