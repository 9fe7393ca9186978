/** Prometheus' own promtool reads and plays what `ops alerts render prometheus` gives. `.ci/run` fetches Debian's where it can. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ALL_RULES } from "../../worker/alerts/rules.ts";
import { prometheusRules } from "./prometheus.ts";

const PROMTOOL = ["/usr/bin/promtool", join(import.meta.dirname, "../../dist/witnesses/usr/bin/promtool")].find(
  (path) => existsSync(path),
);

/** 3 % of the requests fail from the tenth minute on. JSON is YAML. */
const PLAYED = {
  rule_files: ["rules.yaml"],
  evaluation_interval: "1m",
  tests: [
    {
      interval: "1m",
      input_series: [
        { series: 'prism_requests_total{outcome="ok"}', values: "0+100x10 1097+97x20" },
        { series: 'prism_requests_total{outcome="failed"}', values: "0x10 3+3x20" },
      ],
      promql_expr_test: [
        { expr: 'ALERTS{alertname="error-rate"}', eval_time: "9m" },
        {
          expr: 'count(ALERTS{alertname="error-rate", alertstate="firing", severity="critical"})',
          eval_time: "25m",
          exp_samples: [{ labels: "{}", value: 1 }],
        },
      ],
    },
  ],
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "prism-promtool-"));
  await writeFile(join(folder, "rules.yaml"), prometheusRules(ALL_RULES).text);
  await writeFile(join(folder, "played.yaml"), JSON.stringify(PLAYED));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

// Nothing is skipped where it is absent: a strict run counts that as a failure, and promtool is an extra.
const asked = PROMTOOL === undefined ? [] : (["check rules rules.yaml", "test rules played.yaml"] as const);

test.each(asked)("promtool %s", (line) => {
  expect(execFileSync(PROMTOOL ?? "", line.split(" "), { cwd: folder, encoding: "utf8" })).toContain("SUCCESS");
});

test("promtool is asked where it is at hand", () => {
  if (PROMTOOL === undefined) console.warn("promtool is not at hand: `.ci/run` fetches it from Debian's packages");
  expect(asked).toHaveLength(PROMTOOL === undefined ? 0 : 2);
});
