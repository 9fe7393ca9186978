import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { ALL_RULES } from "../../worker/alerts/rules.ts";
import { readFrontMatter } from "../runbook/front-matter.ts";
import { parseMarkdown } from "../runbook/markdown.ts";
import { grafanaDashboard } from "./grafana.ts";
import { prometheusRules } from "./prometheus.ts";
import { withRuleTable } from "./rule-table.ts";

const RUNBOOKS = join(import.meta.dirname, "../../runbooks");

test("Prometheus gets every rule whose metrics it has, with severity, runbook and times, and the others are named", () => {
  const { text, left_out } = prometheusRules(ALL_RULES);
  const { groups } = parse(text);
  const [{ rules }] = groups;
  expect(rules.length + left_out.length).toBe(ALL_RULES.length);
  expect(rules.find(({ alert }: { alert: string }) => alert === "cache-hits")).toMatchObject({
    expr: expect.stringContaining('prism_cache_lookups_total{cache!~"miss|bypass"}[5m]'),
    for: "10m",
    keep_firing_for: "5m",
    labels: { severity: "warning", route: "mail" },
    annotations: { runbook: "runbooks/cache-degraded.md" },
  });
  for (const id of left_out) expect(text).toContain(id);
});

test("the dashboard has a panel for each expression, with the thresholds of the rules", () => {
  const dashboard = JSON.parse(grafanaDashboard(ALL_RULES).text);
  const expressions = dashboard.panels.map(({ targets }: { targets: { expr: string }[] }) => targets[0]?.expr);
  expect(new Set(expressions).size).toBe(expressions.length);
  const errors = dashboard.panels.find(({ description }: { description: string }) =>
    description.includes("error-rate"),
  );
  expect(errors.fieldConfig.defaults.thresholds.steps).toContainEqual({ color: "red", value: 0.01 });
});

test("every rule's runbook is there; and a runbook names the rules that lead to it", () => {
  const there = new Map<string, string[]>(
    readdirSync(RUNBOOKS)
      .filter((file) => file.endsWith(".md") && file !== "README.md")
      .map((file) => {
        const { front_matter } = readFrontMatter(parseMarkdown(readFileSync(join(RUNBOOKS, file), "utf8")));
        return [file.replace(/\.md$/, ""), front_matter?.alerts ?? []];
      }),
  );
  const named = new Set(ALL_RULES.flatMap(({ runbook }) => runbook ?? []));
  expect([...named].filter((id) => !there.has(id))).toEqual([]);
  for (const [id, alerts] of there)
    expect([id, [...alerts].sort()]).toEqual([
      id,
      ALL_RULES.filter(({ runbook }) => runbook === id)
        .map((rule) => rule.id)
        .sort(),
    ]);
});

test("the table of rules in docs/alerts.md is fresh (npm run generate)", () => {
  const document = readFileSync(join(import.meta.dirname, "../../docs/alerts.md"), "utf8");
  expect(withRuleTable(document, ALL_RULES)).toBe(document);
});
