import { expect, test } from "vitest";
import { measuresOf, tallyOf } from "../telemetry/tally.ts";
import { type Called, Timings } from "../telemetry/timings.ts";
import type { Unit } from "../telemetry/unit.ts";
import { Usage } from "../telemetry/usage.ts";
import { evaluateRule } from "./evaluate.ts";
import { RULES } from "./rules.ts";
import { sliceTally, windowReadings, windowsOf } from "./windows.ts";

/** Alerts that fire after five minutes of so many calls of each kind, of which so many failed. */
async function firing(calls: Partial<Record<Called, { made: number; failed: number }>>): Promise<string[]> {
  const timings = new Timings(0);
  for (const [called, { made, failed }] of Object.entries(calls))
    for (let index = 0; index < made; index += 1)
      await timings
        .measure(called as Called, index < failed ? () => Promise.reject(new Error("down")) : async () => {})
        .catch(() => {});
  const unit = { timings, usage: new Usage(), cache_status: null, colo: undefined } as Unit;
  const series = { kind: "message", endpoint: "queue/x", method: "", status_code: 0, outcome: "done" } as const;
  const tally = sliceTally([{ series, tally: tallyOf(unit, measuresOf(unit), 1, undefined) }]);
  const readings = windowReadings([{ from_minute: 0, to_minute: 5, tally }], windowsOf(RULES), 5);
  return RULES.flatMap((rule) =>
    evaluateRule(rule, [], readings, 0).flatMap(({ id, state }) => (state === "firing" ? id : [])),
  );
}

test("a kind of call that fails is told, however many of another kind of the same dependency succeed", async () => {
  const works = { made: 50, failed: 0 };
  const fails = { made: 4, failed: 3 };
  expect(await firing({ "vector query": fails, "vector write": works, "vector read": works })).toEqual([
    "vector-search:query",
  ]);
  expect(await firing({ "vector query": works, "vector write": fails, "vector read": works })).toEqual([
    "vector-search:write",
  ]);
  expect(await firing({ embedding: fails, generation: works })).toEqual(["ai-unavailable:embedding"]);
  expect(await firing({ embedding: works, generation: fails })).toEqual(["ai-unavailable:generation"]);
});

test("failures of one kind are no failures of another: three in a thousand and one of one tell of nothing", async () => {
  const few = { made: 1_000, failed: 3 };
  const one = { made: 1, failed: 1 };
  expect(await firing({ "vector query": few, "vector write": one, generation: few, embedding: one })).toEqual([]);
});
