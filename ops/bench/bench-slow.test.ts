import { expect, test } from "vitest";
import { startPlatform } from "../../local/platform.ts";
import { runCli } from "../command/run-cli.fixture.ts";
import { deployWithoutTelemetry } from "./without-telemetry.ts";

test("bench http measures peers and workloads in one run and relates each workload to its peer", async () => {
  const { code, stdout } = await runCli(["bench", "http", "--chunks", "40,80", "--rounds", "1", "--json"]);
  expect(code).toBe(0);
  const report = JSON.parse(stdout);
  expect(report.chunks).toBe(40);
  expect(Object.keys(report.peers)).toEqual(["point_query", "fts_fetch"]);
  expect(report.workloads.map(({ name, peer }: Record<string, string>) => [name, peer])).toEqual([
    ["search_cached", "point_query"],
    ["search_hybrid", "fts_fetch"],
    ["search_text", "fts_fetch"],
    ["chat", "fts_fetch"],
  ]);
  for (const { process_cpu_ms } of [...report.workloads, ...Object.values<Record<string, number>>(report.peers)])
    expect(process_cpu_ms).toBeGreaterThanOrEqual(0);
  for (const { p50_ms, p95_ms, rps, ratio_p50 } of report.workloads) {
    expect(p50_ms).toBeGreaterThan(0);
    expect(p95_ms).toBeGreaterThanOrEqual(p50_ms);
    expect(rps).toBeGreaterThan(0);
    expect(ratio_p50).toBeGreaterThan(0);
  }
  const { starts, bare, service, ratio_p50 } = report.cold_start;
  expect(starts).toBe(1);
  expect(Math.min(bare.p50_ms, service.p50_ms, ratio_p50)).toBeGreaterThan(0);
  // A further size is a report like the first, with what each grew by.
  expect(report.growth).toHaveLength(1);
  const [{ p50_growth, growth: _, ...larger }] = report.growth;
  expect(Object.keys(larger).toSorted()).toEqual(
    Object.keys(report)
      .filter((key) => key !== "growth" && key !== "cold_start")
      .toSorted(),
  );
  expect([larger.chunks, Object.keys(p50_growth).length]).toEqual([80, 6]);
});

test("bench http --telemetry relates each workload to itself, answered by a Worker without telemetry", async () => {
  const asked = ["--telemetry", "--neighbour", "--chunks", "40", "--rounds", "1", "--json"];
  const { code, stdout } = await runCli(["bench", "http", ...asked]);
  expect(code).toBe(0);
  const { peers, workloads } = JSON.parse(stdout);
  const names = ["search_cached", "search_hybrid", "search_text", "chat"];
  expect(Object.keys(peers)).toEqual(names.map((name) => `${name}_untold`));
  expect(workloads.map(({ name, peer }: Record<string, string>) => [name, peer])).toEqual(
    names.map((name) => [name, `${name}_untold`]),
  );
});

test("the Worker that --telemetry compares with tells nothing", async () => {
  const platform = await startPlatform();
  try {
    const headers = await deployWithoutTelemetry(platform, AbortSignal.timeout(60_000));
    const metrics = async (sent: Record<string, string>) => {
      const response = await fetch(`${platform.url}/metrics`, {
        headers: { authorization: `Bearer ${platform.admin_key}`, ...sent },
      });
      return (await response.json()) as { requests: { total: number } };
    };
    const told = async () => (await metrics(headers)).requests.total;
    // The platform has asked before it said that it was ready.
    const before = await told();
    await metrics(headers);
    await metrics({});
    await expect.poll(told).toBe(before + 1);
  } finally {
    await platform.close();
  }
});

test("bench ingest passes only because a second run over the same corpus writes and embeds nothing", async () => {
  const { code, stdout } = await runCli(["bench", "ingest", "--chunks", "40", "--json"]);
  const { chunks, passed, first, second, rows_written_per_chunk } = JSON.parse(stdout);
  expect({ code, chunks, passed }).toEqual({ code: 0, chunks: 40, passed: true });
  expect(first).toMatchObject({ created: 40, embedded_texts: 40 });
  expect(second).toMatchObject({ created: 0, unchanged: 40, rows_written: 0, embedded_texts: 0, neurons: 0 });
  expect(rows_written_per_chunk).toBeGreaterThan(1);
});

test("bench ingest --formats tells time and memory of every format, finds the last table of each, and no hostile file is taken", async () => {
  const { code, stdout } = await runCli(["bench", "ingest", "--formats", "--json"]);
  const { passed, formats, hostile } = JSON.parse(stdout);
  expect({ code, passed }).toEqual({ code: 0, passed: true });
  for (const figures of hostile) expect(figures).toMatchObject({ refused: expect.any(String), ms: expect.any(Number) });
  for (const figures of formats) expect(figures).toMatchObject({ refused: null, peak_mb: expect.any(Number) });
});
