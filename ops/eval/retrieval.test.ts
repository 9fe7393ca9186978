import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../command/run-cli.fixture.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "retrieval-"));
});
afterAll(() => rm(dir, { recursive: true }));

const lines = (rows: object[]): string => rows.map((row) => JSON.stringify(row)).join("\n");

test("a data set with empty, untitled and over-long parts is measured through the service, beside the baseline", async () => {
  const argument = "Museums should be free because knowledge belongs to everyone.";
  await writeFile(
    join(dir, "corpus.jsonl"),
    lines([
      { _id: "1", title: "", text: "" },
      { _id: "2", title: "Volcanoes", text: "A volcano erupts when magma rises through the crust." },
      { _id: "3", text: "Glaciers carve valleys out of the mountains." },
      { _id: "4", title: `Tides ${"and more tides ".repeat(60)}`, text: "The moon pulls the sea." },
      { _id: "5", title: "", text: argument },
      { _id: "6", title: "", text: "Free museums keep knowledge from becoming a luxury." },
    ]),
  );
  await writeFile(
    join(dir, "queries.jsonl"),
    lines([
      { _id: "q1", text: "why does a volcano erupt" },
      { _id: "q2", text: `glaciers ${"valleys mountains ".repeat(400)}` },
      { _id: "5", text: argument },
      { _id: "unjudged", text: "nobody judged this" },
    ]),
  );
  await writeFile(join(dir, "qrels.tsv"), "query-id\tcorpus-id\tscore\nq1\t2\t3\nq2\t3\t1\n5\t6\t1\n");

  const { code, stdout } = await runCommand(["eval", "retrieval", dir, "--text-ranked-max", "4", "--json"]);
  expect(code).toBe(0);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ documents: 6, chunks: 5, queries: 3, mode: "hybrid" });
  // Every query has one right answer, which shares its words; the argument itself is no answer to itself.
  const perfect = { ndcg_at_10: 1, ndcg_at_10_graded: 1, recall_at_100: 1, mrr_at_10: 1 };
  expect(report).toMatchObject({ ...perfect, baseline: perfect });
  for (const latency of [report.p50_ms, report.p95_ms, report.baseline.p50_ms])
    expect(latency).toBeGreaterThanOrEqual(0);
});

test("a folder that is no data set is wrong usage", async () => {
  const { code, stdout } = await runCommand(["eval", "retrieval", join(dir, "absent"), "--json"]);
  expect(code).toBe(2);
  expect(JSON.parse(stdout).error.hint).toContain("BEIR");
});
