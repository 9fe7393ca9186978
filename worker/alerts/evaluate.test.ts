import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ALERT_FLAP_HOLD_MIN, ALERT_FLAP_WINDOW_MIN } from "../limits.ts";
import { type Alert, evaluateRule } from "./evaluate.ts";
import { METRICS, type Reading } from "./metrics.ts";
import { type AlertRule, alertRule, type Clause } from "./rule.ts";
import { ALL_RULES } from "./rules.ts";

const STEP_MIN = 5;
const stateful = ALL_RULES.filter(({ condition }) => "all" in condition);

type Sign = "holds" | "does not" | "missing";

/** Readings with which a rule's condition is so. */
function readings({ condition, dedup }: AlertRule, sign: Sign): Reading[] {
  if (!("all" in condition) || sign === "missing") return [];
  return condition.all.map(({ metric, window_min, where, is, value }: Clause): Reading => {
    const beyond = is.startsWith(">") ? value + 1 : value - 1;
    const short = is.startsWith(">") ? value - 1 : value + 1;
    const labels = Object.fromEntries(
      dedup.filter((name) => (METRICS[metric].labels as readonly string[]).includes(name)).map((name) => [name, "x"]),
    );
    return {
      metric,
      window_min: window_min ?? null,
      labels: { ...labels, ...where },
      value: sign === "holds" ? beyond : short,
    };
  });
}

/** `late_ms`: by how much each run of cron misses its minute. */
function run(rule: AlertRule, signs: readonly Sign[], late_ms: readonly number[] = []) {
  let alerts: Alert[] = [];
  return signs.map((sign, index) => {
    const at_min = index * STEP_MIN;
    const now_ms = at_min * 60_000 + (late_ms[index] ?? 0);
    alerts = evaluateRule(rule, alerts, readings(rule, sign), now_ms);
    return { at_min, now_ms, alerts };
  });
}

const firings = (steps: ReturnType<typeof run>): number[] =>
  steps.flatMap(({ at_min, now_ms, alerts }) =>
    alerts.some(({ state, fired_ms }) => state === "firing" && fired_ms === now_ms) ? [at_min] : [],
  );

describe.each(stateful)("$id", (rule) => {
  test("fires once its condition has held for its time, not before, and once however long it holds", () => {
    expect(firings(run(rule, Array(40).fill("holds")))).toEqual([rule.for_min]);
    const justBefore = Array(Math.ceil(rule.for_min / STEP_MIN)).fill("holds");
    expect(firings(run(rule, [...justBefore, "does not"]))).toEqual([]);
  });

  test("resolves when its condition has been gone for its time", () => {
    const firing = Array(rule.for_min / STEP_MIN + 1).fill("holds");
    const states = run(rule, [...firing, ...Array(rule.resolve.after_min / STEP_MIN + 1).fill("does not")]);
    expect(states.at(-1)?.alerts.map(({ state }) => state)).toEqual(["resolved"]);
    if (rule.resolve.after_min > 0) expect(states.at(-2)?.alerts.map(({ state }) => state)).toEqual(["firing"]);
  });

  test("is forgotten an hour after it resolved", () => {
    const quiet = Array((rule.resolve.after_min + ALERT_FLAP_WINDOW_MIN) / STEP_MIN + 2).fill("does not");
    expect(run(rule, [...Array(rule.for_min / STEP_MIN + 1).fill("holds"), ...quiet]).at(-1)?.alerts).toEqual([]);
  });

  test("is told, resolves and is forgotten at the same runs of cron, however many seconds early or late they are", () => {
    const signs = fc.array(fc.constantFrom<Sign>("holds", "holds", "does not"), { minLength: 36, maxLength: 36 });
    const late = fc.array(fc.integer({ min: -14_000, max: 15_000 }), { minLength: 36, maxLength: 36 });
    const statesOf = (steps: ReturnType<typeof run>) => steps.map(({ alerts }) => alerts[0]?.state ?? null);
    fc.assert(
      fc.property(signs, late, (sequence, late_ms) => {
        expect(statesOf(run(rule, sequence, late_ms))).toEqual(statesOf(run(rule, sequence)));
      }),
      { numRuns: 20 },
    );
  });

  test("a gap of data means what the rule says", () => {
    const firing: Sign[] = Array(rule.for_min / STEP_MIN + 1).fill("holds");
    const states = run(rule, [...firing, ...Array<Sign>(rule.resolve.after_min / STEP_MIN + 1).fill("missing")]);
    expect(states.at(-1)?.alerts[0]?.state).toBe(rule.missing === "clear" ? "resolved" : "firing");
    expect(firings(run(rule, Array(30).fill("missing")))).toEqual(rule.missing === "fire" ? [rule.for_min] : []);
  });

  test("one that flaps fires ever more rarely, whatever it does", () => {
    const signs = fc.array(fc.constantFrom<Sign>("holds", "does not"), { minLength: 72, maxLength: 72 });
    fc.assert(
      fc.property(signs, (sequence) => {
        const times = firings(run(rule, sequence));
        // Holds of 5, 10, 20, 40 and then 60 minutes lie between them at least, until an hour of quiet is a new beginning.
        let flaps = 0;
        for (const [index, at] of times.slice(1).entries()) {
          const gone = at - (times[index] ?? 0);
          if (gone >= ALERT_FLAP_WINDOW_MIN) flaps = 0;
          else if (flaps++ > 0)
            expect(gone).toBeGreaterThanOrEqual(Math.min(5 * 2 ** (flaps - 1), ALERT_FLAP_HOLD_MIN));
        }
      }),
      { numRuns: 20 },
    );
  });
});

test("a rule that names a label or a window that its metric lacks is refused", () => {
  const [rule] = ALL_RULES;
  const refused = (change: object) => JSON.stringify(alertRule.safeParse({ ...rule, ...change }).error?.issues);
  expect(refused({ dedup: ["colour"] })).toContain("no metric of the condition has colour");
  expect(refused({ condition: { all: [{ metric: "error_ratio", is: ">", value: 1 }] } })).toContain(
    "error_ratio needs window_min",
  );
  expect(refused({ condition: { all: [{ metric: "dead_letters", window_min: 5, is: ">", value: 1 }] } })).toContain(
    "has no window_min",
  );
  expect(refused({ runbook: null })).toContain("needs a runbook");
});

test("every rule is as a rule must be", () => {
  expect(ALL_RULES.map((rule) => alertRule.parse(rule))).toEqual(ALL_RULES);
});

test("ids of rules are unique", () => {
  expect(new Set(ALL_RULES.map(({ id }) => id)).size).toBe(ALL_RULES.length);
});
