/**
 * One evaluation of one rule: from readings to verdicts, and from verdicts to states. Pure: no clock, no store, no delivery.
 *
 *   (nothing) → pending → firing → resolved → (nothing)
 *
 * An alert's identity is its rule and the labels that the rule dedups by, so that a condition that keeps holding is one alert.
 */
import { minutesBetween } from "../ground/time.ts";
import { ALERT_FLAP_HOLD_MIN, ALERT_FLAP_WINDOW_MIN } from "../limits.ts";
import type { Labels, Reading } from "./metrics.ts";
import type { AlertRule, Clause } from "./rule.ts";

export interface Alert {
  /** `quota-high:kv_writes`: the rule, and the values of its labels. */
  id: string;
  rule: string;
  labels: Labels;
  state: "pending" | "firing" | "resolved";
  /** When the state was entered. */
  since_ms: number;
  /** When it last fired; null: never, as far as is remembered. */
  fired_ms: number | null;
  /** Since when the condition has been gone, while firing. */
  clear_since_ms: number | null;
  /** How often it fired again soon after it had resolved. */
  flaps: number;
  /** The last value of the first clause. */
  value: number | null;
  /** When channels were told that it fires; null: not yet, or silenced. */
  told_ms: number | null;
  acknowledged: { by: string; at_ms: number } | null;
  /** Steps of escalation that were taken. */
  escalated: number;
}

interface Verdict {
  labels: Labels;
  holds: boolean | "missing";
  value: number | null;
}

/** Identity of an alert. */
function alertId(rule: string, labels: Labels): string {
  return [rule, ...Object.values(labels)].join(":");
}

/** All alerts of a rule after an evaluation, those that resolved in it included; `before` are those that were known. */
export function evaluateRule(
  rule: AlertRule,
  before: readonly Alert[],
  readings: readonly Reading[],
  now_ms: number,
): Alert[] {
  if (!("all" in rule.condition)) return [...before];
  const verdicts = new Map(
    judge(rule, rule.condition.all, readings).map((verdict) => [alertId(rule.id, verdict.labels), verdict]),
  );
  for (const { id, labels } of before)
    if (!verdicts.has(id)) verdicts.set(id, { labels, holds: "missing", value: null });
  const known = new Map(before.map((alert) => [alert.id, alert]));
  return [...verdicts].flatMap(([id, { labels, holds, value }]) => {
    const alert = known.get(id);
    if (holds === "missing" && rule.missing === "keep") return alert ?? [];
    const isTrue = holds === "missing" ? rule.missing === "fire" : holds;
    const next = isTrue
      ? onTrue(rule, alert ?? fresh(id, rule.id, labels, now_ms), now_ms)
      : onFalse(rule, alert, now_ms);
    return next === null ? [] : { ...next, value: value ?? next.value };
  });
}

/** One verdict for each combination of the labels that the rule dedups by; one without labels where there is none. */
function judge(rule: AlertRule, clauses: readonly Clause[], readings: readonly Reading[]): Verdict[] {
  const found = clauses.map((clause) => ({ clause, matching: readings.filter((reading) => matches(clause, reading)) }));
  const combinations = new Map<string, Labels>();
  for (const { matching } of found)
    for (const { labels } of matching) {
      const own = Object.fromEntries(
        rule.dedup.flatMap((name) => (name in labels ? [[name, labels[name] ?? ""]] : [])),
      );
      if (Object.keys(own).length === rule.dedup.length) combinations.set(JSON.stringify(own), own);
    }
  if (combinations.size === 0 && (rule.dedup.length === 0 || rule.missing === "fire")) combinations.set("", {});
  return [...combinations.values()].map((labels) => {
    const results = found.map(({ clause, matching }) => {
      const values = matching.filter((one) => isPartOf(labels, one.labels)).map(({ value }) => value);
      return {
        holds: values.length === 0 ? ("missing" as const) : values.some((value) => compare(clause, value)),
        values,
      };
    });
    const holds = results.some((one) => one.holds === false)
      ? false
      : results.some((one) => one.holds === "missing")
        ? "missing"
        : true;
    return { labels, holds, value: results[0]?.values[0] ?? null };
  });
}

function matches({ metric, window_min = undefined, where = {} }: Clause, reading: Reading): boolean {
  return (
    reading.metric === metric &&
    reading.window_min === (window_min ?? null) &&
    Object.entries(where).every(([name, value]) => reading.labels[name] === value)
  );
}

/** A reading without a label belongs to all alerts: the ratio of the whole service guards each of them. */
function isPartOf(labels: Labels, of: Labels): boolean {
  return Object.entries(labels).every(([name, value]) => !(name in of) || of[name] === value);
}

function compare({ is, value: threshold }: Clause, value: number): boolean {
  switch (is) {
    case ">":
      return value > threshold;
    case ">=":
      return value >= threshold;
    case "<":
      return value < threshold;
    case "<=":
      return value <= threshold;
  }
}

const UNTOLD = { told_ms: null, acknowledged: null, escalated: 0 } as const;

function fresh(id: string, rule: string, labels: Labels, now_ms: number): Alert {
  const nothing = { fired_ms: null, clear_since_ms: null, flaps: 0, value: null, ...UNTOLD };
  return { id, rule, labels, state: "pending", since_ms: now_ms, ...nothing };
}

function onTrue(rule: AlertRule, alert: Alert, now_ms: number): Alert {
  if (alert.state === "firing") return { ...alert, clear_since_ms: null };
  const pending: Alert = alert.state === "pending" ? alert : { ...alert, state: "pending", since_ms: now_ms };
  if (minutesBetween(pending.since_ms, now_ms) < rule.for_min) return pending;
  const flaps = alert.fired_ms === null ? 0 : alert.flaps + 1;
  return { ...pending, state: "firing", since_ms: now_ms, fired_ms: now_ms, clear_since_ms: null, flaps, ...UNTOLD };
}

function onFalse(rule: AlertRule, alert: Alert | undefined, now_ms: number): Alert | null {
  if (alert === undefined) return null;
  if (alert.state === "firing") {
    const clear_since_ms = alert.clear_since_ms ?? now_ms;
    if (minutesBetween(clear_since_ms, now_ms) < holdOf(rule, alert.flaps)) return { ...alert, clear_since_ms };
    return { ...alert, state: "resolved", since_ms: now_ms, clear_since_ms: null };
  }
  // One that had fired before is remembered as resolved: it may flap.
  if (alert.state === "pending")
    return alert.fired_ms === null ? null : { ...alert, state: "resolved", since_ms: now_ms };
  return minutesBetween(alert.since_ms, now_ms) >= ALERT_FLAP_WINDOW_MIN ? null : alert;
}

/** Minutes for which the condition must be gone. */
function holdOf({ resolve }: AlertRule, flaps: number): number {
  if (flaps === 0) return resolve.after_min;
  return Math.min(Math.max(resolve.after_min, 5) * 2 ** flaps, ALERT_FLAP_HOLD_MIN);
}
