import fc from "fast-check";
import { expect, test } from "vitest";
import { type Judged, judge, type KeepRule } from "./keep.ts";

const DAY_MS = 86_400_000;
const rule: fc.Arbitrary<KeepRule> = fc.record({
  daily: fc.nat(9),
  weekly: fc.nat(6),
  monthly: fc.nat(6),
  yearly: fc.nat(4),
});
const history: fc.Arbitrary<Judged[]> = fc
  .array(
    fc.record({
      finished_ms: fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2026, 0, 1) }),
      verified: fc.option(
        fc.record({ level: fc.constantFrom("structure", "data", "restore"), at_ms: fc.constant(0) }),
        { nil: null },
      ),
      tags: fc.subarray(["before-move", "audit"]),
    }),
    { maxLength: 60 },
  )
  .map((list) =>
    list.toSorted((a, b) => b.finished_ms - a.finished_ms).map((one, at) => ({ ...one, id: `s${at}` }) as Judged),
  );
const keptOf = (snapshots: readonly Judged[], by: KeepRule) => {
  const ids = new Set(judge(snapshots, by, []).flatMap(({ id, keep }) => (keep ? [id] : [])));
  return snapshots.filter(({ id }) => ids.has(id));
};

test("the newest and the newest verified by a restore are kept under any rule", () => {
  fc.assert(
    fc.property(history, rule, (snapshots, by) => {
      const kept = keptOf(snapshots, by);
      expect(kept[0]).toEqual(snapshots[0]);
      const proven = snapshots.find(({ verified }) => verified?.level === "restore");
      if (proven) expect(kept).toContain(proven);
    }),
  );
});

test("one with a tag is kept under any rule, until all of its tags are forgotten", () => {
  const forgettable = fc.subarray(["before-move", "audit"]);
  fc.assert(
    fc.property(history, rule, forgettable, (snapshots, by, forgotten) => {
      const untagged = snapshots.map((one) => ({ ...one, tags: [] }));
      const without = judge(untagged, by, []);
      for (const [at, { keep }] of judge(snapshots, by, forgotten).entries()) {
        const holds = snapshots[at]?.tags.some((tag) => !forgotten.includes(tag)) === true;
        expect(keep).toBe(holds || without[at]?.keep);
      }
    }),
  );
});

test("a second prune finds nothing to remove, and a wider rule keeps all that a narrower one keeps", () => {
  fc.assert(
    fc.property(history, rule, rule, (snapshots, one, other) => {
      const kept = keptOf(snapshots, one);
      expect(keptOf(kept, one)).toEqual(kept);
      const wider = {
        daily: Math.max(one.daily, other.daily),
        weekly: Math.max(one.weekly, other.weekly),
        monthly: Math.max(one.monthly, other.monthly),
        yearly: Math.max(one.yearly, other.yearly),
      };
      expect(keptOf(snapshots, wider)).toEqual(expect.arrayContaining(kept));
    }),
  );
});

test("every verdict has its reason, and what goes is never the last one of a period that is kept", () => {
  fc.assert(
    fc.property(history, rule, (snapshots, by) => {
      const verdicts = judge(snapshots, by, []);
      expect(verdicts.map(({ id }) => id)).toEqual(snapshots.map(({ id }) => id));
      expect(verdicts.every(({ reasons }) => reasons.length > 0)).toBe(true);
      const days = [...new Set(snapshots.map(({ finished_ms }) => Math.floor(finished_ms / DAY_MS)))].slice(
        0,
        by.daily,
      );
      const keptDays = new Set(keptOf(snapshots, by).map(({ finished_ms }) => Math.floor(finished_ms / DAY_MS)));
      expect(days.every((day) => keptDays.has(day))).toBe(true);
    }),
  );
});

test("years of daily backups, pruned every day, leave 30 days, 12 weeks, 12 months and 7 years", () => {
  const by = { daily: 30, weekly: 12, monthly: 12, yearly: 7 };
  let snapshots: Judged[] = [];
  const first = Date.UTC(2017, 0, 1);
  for (let day = 0; day < 3_300; day += 1) {
    snapshots = keptOf(
      [{ id: `d${day}`, finished_ms: first + day * DAY_MS, verified: null, tags: [] }, ...snapshots],
      by,
    );
  }
  const dates = snapshots.map(({ finished_ms }) => new Date(finished_ms).toISOString());
  expect(new Set(dates.map((date) => date.slice(0, 4))).size).toBe(7);
  expect(new Set(dates.map((date) => date.slice(0, 7))).size).toBeGreaterThanOrEqual(12);
  expect(snapshots.filter((_, at) => at < 30).at(-1)?.id).toBe(`d${3_299 - 29}`);
  expect(snapshots.length).toBeLessThan(30 + 12 + 12 + 7);
});

test("a week goes by ISO 8601: the first of January may belong to the year before", () => {
  const at = (date: string, id: string): Judged => ({ id, finished_ms: Date.parse(date), verified: null, tags: [] });
  const verdicts = judge(
    [at("2027-01-01", "b"), at("2026-12-29", "a")],
    {
      daily: 0,
      weekly: 5,
      monthly: 0,
      yearly: 0,
    },
    [],
  );
  expect(verdicts).toMatchObject([
    { keep: true, reasons: ["the newest", "weekly 1 of 5: 2026-W53"] },
    { keep: false, reasons: ["b stands for 2026-W53"] },
  ]);
});
