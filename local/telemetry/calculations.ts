/** What the telemetry API computes over events: counts, sums, percentiles, by groups and over time. */
import { z } from "zod";
import { type FieldValue, fieldOf, fieldType } from "./event-fields.ts";
import type { LogEvent } from "./log-events.ts";

interface Aggregate {
  value: number;
  count: number;
  interval: number;
  sampleInterval: number;
  groups?: { key: string; value: FieldValue }[];
}

const FRACTIONS: Record<string, number> = {
  median: 0.5,
  p001: 0.001,
  p01: 0.01,
  p05: 0.05,
  p10: 0.1,
  p25: 0.25,
  p75: 0.75,
  p90: 0.9,
  p95: 0.95,
  p99: 0.99,
  p999: 0.999,
};
const MOMENTS = ["max", "min", "sum", "avg", "stddev", "variance"] as const;

/** Operators over a field, in lower case. `count` needs none. */
const KEYED_OPERATORS: readonly string[] = ["uniq", "count_distinct", ...MOMENTS, ...Object.keys(FRACTIONS)];

export const calculation = z
  .strictObject({
    operator: z.string().refine((one) => [...KEYED_OPERATORS, "count"].includes(one.toLowerCase()), "unknown operator"),
    alias: z.string().optional(),
    key: z.string().optional(),
    keyType: fieldType.optional(),
  })
  .refine((one) => one.operator.toLowerCase() === "count" || one.key !== undefined, "this operator needs a key");
export type Calculation = z.infer<typeof calculation>;
export const groupBy = z.strictObject({ type: fieldType, value: z.string() });
export type GroupBy = z.infer<typeof groupBy>;

/** The values of a calculation over some events, one for each group, the greatest first. Events without the field are left out. */
export function aggregate(
  { operator, key, keyType }: Calculation,
  groupBys: readonly GroupBy[],
  events: readonly LogEvent[],
): Aggregate[] {
  const groups = new Map<string, { groups: { key: string; value: FieldValue }[]; values: FieldValue[] }>();
  if (groupBys.length === 0) groups.set("", { groups: [], values: [] });
  for (const event of events) {
    const value = key === undefined ? 1 : fieldOf(event, key);
    if (value === undefined || (keyType !== undefined && typeof value !== keyType)) continue;
    const named = groupBys.map((by) => ({ key: by.value, value: fieldOf(event, by.value) ?? "" }));
    const name = JSON.stringify(named.map((one) => one.value));
    const group = groups.get(groupBys.length === 0 ? "" : name) ?? { groups: named, values: [] };
    if (groupBys.length > 0) groups.set(name, group);
    group.values.push(value);
  }
  return [...groups.values()]
    .map(({ groups: named, values }) => ({
      value: compute(operator.toLowerCase(), values),
      count: values.length,
      // Nothing here is sampled away after it was kept.
      interval: 1,
      sampleInterval: 1,
      ...(groupBys.length === 0 ? {} : { groups: named }),
    }))
    .toSorted((a, b) => b.value - a.value);
}

/** Of no values, 0. Percentiles are those of the values that there are: the nearest rank. */
function compute(operator: string, values: readonly FieldValue[]): number {
  if (operator === "count") return values.length;
  if (operator === "uniq" || operator === "count_distinct") return new Set(values).size;
  const numbers = values.map(Number).filter((value) => !Number.isNaN(value));
  if (numbers.length === 0) return 0;
  const fraction = FRACTIONS[operator];
  if (fraction !== undefined) {
    const sorted = numbers.toSorted((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? 0;
  }
  const sum = numbers.reduce((total, value) => total + value, 0);
  const mean = sum / numbers.length;
  const variance = numbers.reduce((total, value) => total + (value - mean) ** 2, 0) / numbers.length;
  const moments: Record<(typeof MOMENTS)[number], () => number> = {
    // Not spread into Math.max: a day may have more events than a call may have arguments.
    max: () => numbers.reduce((a, b) => Math.max(a, b)),
    min: () => numbers.reduce((a, b) => Math.min(a, b)),
    sum: () => sum,
    avg: () => mean,
    variance: () => variance,
    stddev: () => Math.sqrt(variance),
  };
  return moments[operator as (typeof MOMENTS)[number]]();
}
