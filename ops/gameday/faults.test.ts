import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ALL_RULES } from "../../worker/alerts/rules.ts";
import { parseRunbook } from "../runbook/parse.ts";
import { FAULTS } from "./faults.ts";
import type { Played } from "./played.ts";
import { rowsIn, withResults } from "./record.ts";

const RUNBOOKS = join(import.meta.dirname, "../../runbooks");
const README = readFileSync(join(RUNBOOKS, "README.md"), "utf8");

test("every alert rule has a fault, every fault a runbook, and no two faults one name", () => {
  const told = new Set(FAULTS.flatMap(({ alert, also = [] }) => [alert, ...also]));
  expect(ALL_RULES.map(({ id }) => id).filter((id) => !told.has(id))).toEqual([]);
  expect([...told].filter((id) => !ALL_RULES.some((rule) => rule.id === id))).toEqual([]);
  expect(FAULTS.filter(({ runbook }) => !existsSync(join(RUNBOOKS, `${runbook}.md`)))).toEqual([]);
  expect(new Set(FAULTS.map(({ id }) => id)).size).toBe(FAULTS.length);
});

test("the runbook of every rule is run for a fault that raises the rule", () => {
  const unproven = ALL_RULES.filter(
    (rule) =>
      !FAULTS.some(({ alert, also = [], runbook }) => rule.runbook === runbook && [alert, ...also].includes(rule.id)),
  );
  expect(unproven.map(({ id }) => id)).toEqual([]);
});

test("the table names only faults that there are, and each runbook's day is the newest of its rows", () => {
  const rows = rowsIn(README);
  expect(rows.filter(({ fault }) => !FAULTS.some(({ id }) => id === fault))).toEqual([]);
  const played = new Set(FAULTS.map(({ runbook }) => runbook));
  for (const file of readdirSync(RUNBOOKS).filter((name) => name !== "README.md")) {
    const id = file.replace(/\.md$/, "");
    if (!played.has(id)) continue;
    const { front_matter } = parseRunbook(readFileSync(join(RUNBOOKS, file), "utf8"));
    const days = rows.flatMap(({ runbook, day }) => (runbook === id && day !== null ? [day] : []));
    expect([id, front_matter?.last_drilled]).toEqual([id, days.sort().at(-1) ?? "never"]);
  }
});

test("a run of some faults renews their rows, leaves the others and the quiet day, and drops faults that there are no more", () => {
  const [one, other] = FAULTS;
  if (one === undefined || other === undefined) throw new Error("there are no faults");
  const came = ({ id, alert, runbook }: typeof one, lost: number): Played => ({
    ...{ id, alert, runbook, lost, promised: 40, requests: 200, failed: 3 },
    ...{ detected_after_s: 271, rule_waits_s: 300, recovered_after_s: 420, resolved_after_s: 600 },
    ...{ alerts: [alert], unexpected: [], runbook_done: true, shortfall: null, steps: [] },
  });
  const first = withResults(README, FAULTS, [came(one, 0), came(other, 0)], "2026-01-01");
  const second = withResults(first, FAULTS, [came(other, 2)], "2026-02-02");
  const rows = rowsIn(second);
  expect(rows.find(({ fault }) => fault === one.id)).toMatchObject({ day: "2026-01-01", runbook: one.runbook });
  expect(rows.find(({ fault }) => fault === other.id)?.line).toContain(
    "271 s + 5 min of the rule | 420 s | 3 of 200 | 2 of 40",
  );
  expect(withResults(second, [other], [], "2026-03-03")).not.toContain(`\`${one.id}\``);
  expect(withResults(second, FAULTS, [], "2026-03-03")).toBe(second);
  const quiet = withResults(second, FAULTS, [], "2026-04-04", { hours: 24, alerts: 1 });
  expect(quiet).toContain("24 h of usual traffic with nothing wrong, 1 alert told (2026-04-04)");
  expect(rowsIn(quiet)).toEqual(rowsIn(second));
  const renewed = withResults(quiet, FAULTS, [], "2026-05-05", { hours: 24, alerts: 0 });
  expect(renewed.match(/A quiet day: .*/g)).toEqual([expect.stringContaining("0 alerts told (2026-05-05)")]);
  expect(withResults(renewed, FAULTS, [], "2026-06-06")).toBe(renewed);
});
