/**
 * Unit tests of rules as data, as `promtool test rules` has them: series of readings, and which alerts fire when. Pure.
 *
 * Values are taken every `every_min` minutes from 0 on: `0x3 0.02 _ 1x2` is 0, 0, 0, 0.02, nothing, 1, 1. A series is called as a
 * clause names it: `error_ratio[5]` over 5 minutes, `queue_depth{queue=ingest}` with its label.
 */

import { z } from "zod";
import { type Alert, evaluateRule } from "../../worker/alerts/evaluate.ts";
import { METRIC_NAMES, METRICS, type MetricName, type Reading } from "../../worker/alerts/metrics.ts";
import { type AlertRule, CHANGE_KINDS } from "../../worker/alerts/rule.ts";
import { counted } from "../../worker/ground/counted.ts";
import { MINUTE_MS } from "../../worker/ground/time.ts";

const SERIES_NAME = /^([a-z0-9_]+)(?:\[(\d+)\])?(?:\{([a-z_]+)=([^}]+)\})?$/;
const VALUES = /^(?:(?:-?\d+(?:\.\d+)?|_)(?:x\d+)?(?: +|$))+$/;

const minutes = z.string().regex(/^\d+$/, "minutes since the beginning");

export const ruleTests = z.array(
  z.strictObject({
    name: z.string(),
    /** Only these rules are evaluated. */
    rules: z.array(z.string()).min(1),
    every_min: z.int().positive().default(5),
    series: z
      .record(z.string().regex(SERIES_NAME, "metric[window]{label=value}"), z.string().regex(VALUES))
      .default({}),
    changes: z.record(minutes, z.array(z.enum(CHANGE_KINDS))).default({}),
    /** Ids of the alerts that fire at a time, in any order. */
    firing: z.record(minutes, z.array(z.string())),
    /** How often anything begins to fire: a condition that holds on is told once. */
    told: z.int().min(0).optional(),
  }),
);
export type RuleTest = z.infer<typeof ruleTests>[number];

/** What is not as the test expects, in sentences; empty when it passes. */
export function runRuleTest(test: RuleTest, rules: readonly AlertRule[]): string[] {
  const complaints: string[] = [];
  const tested = test.rules.flatMap((id) => {
    const rule = rules.find((one) => one.id === id);
    if (rule === undefined) complaints.push(`there is no rule ${id}`);
    return rule ?? [];
  });
  const series = Object.entries(test.series).map(([name, values]) => ({ name, values: expanded(values) }));
  for (const { name } of series) if (readingOf(name, 0) === null) complaints.push(`there is no metric ${name}`);
  if (complaints.length > 0) return complaints;

  const known = new Map<string, Alert[]>();
  const end_min = Math.max(0, ...[...Object.keys(test.firing), ...Object.keys(test.changes)].map(Number));
  let told = 0;
  for (let at_min = 0; at_min <= end_min; at_min += test.every_min) {
    const readings = series.flatMap(({ name, values }) => {
      const value = values[at_min / test.every_min];
      return value === undefined || value === null ? [] : (readingOf(name, value) ?? []);
    });
    const firing: string[] = [];
    for (const rule of tested) {
      const before = known.get(rule.id) ?? [];
      const after = evaluateRule(rule, before, readings, at_min * MINUTE_MS);
      known.set(rule.id, after);
      const ids = [
        ...after.filter(({ state }) => state === "firing").map(({ id }) => id),
        ...changed(rule, test, at_min),
      ];
      told += ids.filter((id) => before.find((one) => one.id === id)?.state !== "firing").length;
      firing.push(...ids);
    }
    const expected = test.firing[at_min];
    if (expected !== undefined && firing.sort().join() !== [...expected].sort().join())
      complaints.push(`at ${at_min} min: expected ${listed(expected)}, got ${listed(firing)}`);
  }
  for (const at of Object.keys(test.firing))
    if (Number(at) % test.every_min !== 0)
      complaints.push(`nothing is evaluated at ${at} min, only every ${test.every_min}`);
  if (test.told !== undefined && told !== test.told)
    complaints.push(`expected to be told ${counted(test.told, "time")}, was ${told}`);
  return complaints;
}

function changed({ id, condition }: AlertRule, test: RuleTest, at_min: number): string[] {
  return "change" in condition && test.changes[at_min]?.includes(condition.change) ? [id] : [];
}

function readingOf(name: string, value: number): Reading | null {
  const [, metric = "", window, label, of] = SERIES_NAME.exec(name) ?? [];
  if (!(METRIC_NAMES as string[]).includes(metric)) return null;
  if (METRICS[metric as MetricName].windowed !== (window !== undefined)) return null;
  return {
    metric: metric as MetricName,
    window_min: window === undefined ? null : Number(window),
    labels: label === undefined || of === undefined ? {} : { [label]: of },
    value,
  };
}

function expanded(values: string): (number | null)[] {
  return values
    .trim()
    .split(/ +/)
    .flatMap((token) => {
      const [value = "", times = "1"] = token.split("x");
      return Array<number | null>(Number(times)).fill(value === "_" ? null : Number(value));
    });
}

function listed(ids: readonly string[]): string {
  return ids.length === 0 ? "none" : ids.join(", ");
}
