import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RULES } from "../../worker/alerts/rules.ts";
import { datesBetween_ms, lastDate_ms } from "./calendar.ts";
import { dueRuns, type LastRun, newerRun, stateOf } from "./due-rule.ts";
import { inOrder, type Job, schedule, waitsFor } from "./job.ts";
import { JOBS } from "./jobs.ts";

const DAY_MS = 86_400_000;
const at = (text: string) => Date.parse(text);
const jobOf = (id: string): Job => JOBS.find((one) => one.id === id) as Job;
const success = (due_ms: number, at_ms = due_ms): LastRun => ({
  run_id: "run",
  result: "success",
  due_ms,
  at_ms,
  lease_until_ms: null,
});
/** Every job succeeded at its last date before. */
const upToDate = (now_ms: number) => new Map(JOBS.map(({ id, cron }) => [id, success(lastDate_ms(cron, now_ms) ?? 0)]));
const idsAt = (now: string, last: ReadonlyMap<string, LastRun> = new Map()) =>
  dueRuns(JOBS, last, at(now)).map(({ job }) => job.id);

describe("what is due", () => {
  test("on a Sunday that is the first of a month: the daily, weekly and monthly jobs, in order, with history and without", () => {
    const expected = [
      "backup",
      "health",
      "log-review",
      "usage",
      "index-update",
      "cleanup",
      "vacuum",
      "drill",
      "weekly-report",
      "backup-verification",
      "performance-review",
    ];
    expect(idsAt("2026-03-01T02:00:00Z")).toEqual(expected);
    expect(idsAt("2026-03-01T02:00:00Z", upToDate(at("2026-03-01T01:59:00Z")))).toEqual(expected);
    expect(idsAt("2026-03-01T01:59:59Z", upToDate(at("2026-03-01T01:59:00Z")))).toEqual([]);
  });

  test("a leap day is a day, and a weekly date does not move with it", () => {
    expect(idsAt("2028-02-29T02:00:00Z", upToDate(at("2028-02-28T12:00:00Z")))).toEqual([
      "backup",
      "health",
      "log-review",
      "usage",
    ]);
    expect(idsAt("2028-03-05T02:00:00Z", upToDate(at("2028-03-04T12:00:00Z")))).toContain("drill");
  });

  test("through any year with any days on which nothing was started: each date is run for once, or made up for by one run", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2024, max: 2033 }),
        fc.array(fc.record({ day: fc.integer({ min: 0, max: 364 }), days: fc.integer({ min: 1, max: 60 }) }), {
          maxLength: 4,
        }),
        (year, outages) => {
          const from_ms = Date.UTC(year, 0, 1);
          const last = upToDate(from_ms);
          const runs = new Map<string, number>();
          const missed = new Map<string, number>();
          for (let day = 0; day < 365; day++) {
            if (outages.some((outage) => day >= outage.day && day < outage.day + outage.days)) continue;
            // Started late, by some minutes: cron does that.
            const now_ms = from_ms + day * DAY_MS + 2 * 3_600_000 + (day % 7) * 60_000;
            const due = dueRuns(JOBS, last, now_ms);
            const ids = due.map(({ job }) => job.id);
            for (const [index, { job, due_ms, missed: before }] of due.entries()) {
              for (const other of waitsFor(job)) expect(ids.indexOf(other)).toBeLessThan(index);
              runs.set(job.id, (runs.get(job.id) ?? 0) + 1);
              missed.set(job.id, (missed.get(job.id) ?? 0) + before);
              last.set(job.id, success(due_ms, now_ms));
            }
          }
          const end_ms = from_ms + 365 * DAY_MS;
          for (const { id, cron } of JOBS) {
            const dates = datesBetween_ms(cron, from_ms, end_ms);
            const left = dates.filter((date) => date > (last.get(id)?.due_ms ?? 0)).length;
            expect((runs.get(id) ?? 0) + (missed.get(id) ?? 0) + left).toBe(dates.length);
          }
        },
      ),
      { numRuns: 2 },
    );
  });
});

describe("the state of a job", () => {
  const backup = jobOf("backup");
  const now = "2026-03-03T02:30:00Z";

  test("one that never ran is expected from its next date, or from one that is not missed yet", () => {
    expect(stateOf(backup, null, at(now))).toMatchObject({ state: "due", due_ms: at("2026-03-03T02:00:00Z") });
    expect(stateOf(backup, null, at("2026-03-03T12:00:00Z"))).toMatchObject({ state: "new", due_ms: null });
  });

  test("dates that went by are one run, and said to be missed; beyond its grace it is late", () => {
    const last = success(at("2026-02-25T02:00:00Z"));
    expect(stateOf(backup, last, at(now))).toMatchObject({ state: "due", missed: 5 });
    expect(stateOf(backup, last, at("2026-03-03T04:00:01Z"))).toMatchObject({ state: "late", missed: 5 });
  });

  test("a failed run is not tried again before its next date", () => {
    const last: LastRun = { ...success(at("2026-03-03T02:00:00Z")), result: "fail" };
    expect(stateOf(backup, last, at(now))).toMatchObject({ state: "failed", due_ms: null });
    expect(stateOf(backup, last, at("2026-03-04T02:00:00Z"))).toMatchObject({ state: "due", missed: 0 });
  });

  test("a run by hand is for the date before it", () => {
    const by_hand = (text: string): LastRun => ({ ...success(0, at(text)), due_ms: null });
    expect(stateOf(backup, by_hand("2026-03-03T02:10:00Z"), at(now))).toMatchObject({ state: "waits" });
    expect(stateOf(backup, by_hand("2026-03-03T01:50:00Z"), at(now))).toMatchObject({ state: "due" });
  });

  test("a run of a time to come, which a wrong clock gave or somebody tried, keeps no date from its run", () => {
    const ahead = success(at("2027-03-03T02:00:00Z"), at("2027-03-03T02:10:00Z"));
    expect(stateOf(backup, ahead, at(now))).toMatchObject({ state: "due", due_ms: at("2026-03-03T02:00:00Z") });
    const began: LastRun = { ...ahead, result: "start", lease_until_ms: at("2027-03-03T06:00:00Z") };
    expect(stateOf(backup, began, at(now))).toMatchObject({ state: "due", resumes: null });
    expect(stateOf(backup, { ...ahead, due_ms: null }, at("2026-03-04T02:00:00Z"))).toMatchObject({ state: "due" });
    const tried = success(at("2027-03-03T02:00:00Z"), at("2026-03-02T12:00:00Z"));
    expect(stateOf(backup, tried, at(now))).toMatchObject({ state: "due", missed: 0 });
    expect(stateOf(backup, tried, at("2026-03-02T13:00:00Z"))).toMatchObject({ state: "waits" });
    // Another machine's clock may be ahead a little: what it ran is run for.
    expect(stateOf(backup, success(at("2026-03-04T02:00:00Z")), at("2026-03-04T01:57:00Z"))).toMatchObject({
      state: "waits",
    });
    expect(newerRun(ahead, success(at("2026-03-03T02:00:00Z")), at(now)).due_ms).toBe(at("2026-03-03T02:00:00Z"));
  });

  test("a killed run is gone on with once nobody can be at it, and told where it must not be repeated", () => {
    const started = (lease: string): LastRun => ({
      ...success(at("2026-03-03T02:00:00Z")),
      result: "start",
      lease_until_ms: at(lease),
    });
    expect(stateOf(backup, started("2026-03-03T06:00:00Z"), at(now))).toMatchObject({ state: "running", due_ms: null });
    expect(stateOf(backup, started("2026-03-03T02:20:00Z"), at(now))).toMatchObject({
      state: "due",
      resumes: "run",
      due_ms: at("2026-03-03T02:00:00Z"),
    });
    const once: Job = { ...backup, repeatable: false };
    expect(stateOf(once, started("2026-03-03T02:20:00Z"), at(now))).toMatchObject({
      state: "unfinished",
      due_ms: null,
      resumes: "run",
    });
  });
});

describe("the schedule", () => {
  test("names the jobs that alerts of their own are about, and is in time for them", () => {
    const readings = RULES.flatMap(({ condition }) => ("all" in condition ? condition.all : []));
    const named = readings.flatMap(({ where }) => where?.job ?? []);
    expect(named).toContain("drill");
    expect(JOBS.map(({ id }) => id)).toEqual(expect.arrayContaining([...named, "backup"]));
    const age_h = readings.flatMap(({ metric, value }) => (metric === "backup_age_h" ? [value] : []));
    expect(age_h).not.toEqual([]);
    for (const limit_h of age_h) expect(24 + jobOf("backup").grace_s / 3_600).toBeLessThanOrEqual(limit_h);
  });

  test("refuses a job that waits for itself, for one that is not there, or has another's name", () => {
    const first = { ...jobOf("backup"), needs: [], after: [] };
    const second = { ...first, id: "second" };
    const flaws = (...jobs: object[]) => schedule.safeParse(jobs).error?.issues.map(({ message }) => message) ?? [];
    expect(flaws(first, second)).toEqual([]);
    expect(flaws({ ...first, after: ["second"] }, { ...second, needs: ["backup"] })).toEqual([
      "they wait for each other: backup, second",
    ]);
    expect(flaws({ ...first, after: ["none"] })).toEqual(["backup: there is no job none"]);
    expect(flaws(first, first)[0]).toBe("two jobs are named backup");
    expect(flaws({ ...first, cron: "0 25 * * *" })[0]).toContain("hour");
  });

  test("is in order wherever it is given out", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...JOBS]), (some) => {
        const ordered = inOrder(some).map(({ id }) => id);
        expect(ordered).toHaveLength(some.length);
        for (const job of some)
          for (const other of waitsFor(job))
            if (ordered.includes(other)) expect(ordered.indexOf(other)).toBeLessThan(ordered.indexOf(job.id));
      }),
    );
  });
});
