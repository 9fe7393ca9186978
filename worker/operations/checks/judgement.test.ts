/** What the checks make of figures, without any store. */
import { expect, test } from "vitest";
import {
  CRON_STOPPED_AFTER_MS,
  DEAD_LETTER_NEWS_MS,
  DEEP_CHECK_LIMIT_MS,
  OVERDUE_AFTER_MS,
  PARITY_COUNT_MAX,
  QUEUE_STUCK_AFTER_MS,
  VECTORIZE_SETTLING_MS,
} from "../../limits.ts";
import { storeOf } from "../capacity.ts";
import { verdict } from "../deep-health.ts";
import { judgeCron, judgeQueue } from "./background.ts";
import type { Ended } from "./check.ts";
import { judgeLastWrite } from "./key-value.ts";
import { judgeParity, type Parity } from "./vectors.ts";

const NOW_MS = Date.UTC(2026, 10, 29);
const WINDOW_MINUTES = CRON_STOPPED_AFTER_MS / 60_000;
const run = (outcome: "done" | "failed", units = 1) => ({
  series: { kind: "task" as const, endpoint: "cron/x", method: "", status_code: 0, outcome },
  tally: { units },
});

test.each([
  ["has stopped when it did not run in the window", [], WINDOW_MINUTES, "unhealthy"],
  ["is not judged while the service is younger than the window", [], WINDOW_MINUTES - 1, "unknown"],
  ["works when one run of several did", [run("failed", 2), run("done")], 100, "healthy"],
  ["is degraded when all runs failed", [run("failed", 3)], 100, "degraded"],
])("cron %s", (_, runs, watched_minutes, status) => {
  expect(judgeCron({ runs, watched_minutes }).status).toBe(status);
});

test.each([
  [
    "with fresh messages is busy and well",
    { backlog: 900, oldest_ms: NOW_MS - QUEUE_STUCK_AFTER_MS, newest_letter_ms: null },
    "healthy",
  ],
  [
    "with old messages is stuck",
    { backlog: 1, oldest_ms: NOW_MS - QUEUE_STUCK_AFTER_MS - 1, newest_letter_ms: null },
    "unhealthy",
  ],
  [
    "whose letters died long ago is well",
    { backlog: 0, oldest_ms: null, newest_letter_ms: NOW_MS - DEAD_LETTER_NEWS_MS },
    "healthy",
  ],
  ["whose letter died today is degraded", { backlog: 0, oldest_ms: null, newest_letter_ms: NOW_MS - 1 }, "degraded"],
])("a queue %s", (_, figures, status) => {
  expect(judgeQueue(figures, NOW_MS).status).toBe(status);
});

test.each([
  ["never tried", null, "healthy"],
  ["under way", { at_ms: NOW_MS - DEEP_CHECK_LIMIT_MS, ended: false, error: null }, "healthy"],
  ["begun and never ended", { at_ms: NOW_MS - DEEP_CHECK_LIMIT_MS - 1, ended: false, error: null }, "unhealthy"],
  ["failed", { at_ms: NOW_MS - 1, ended: true, error: "no" }, "unhealthy"],
])("a write test of KV that was %s", (_, last, status) => {
  expect(judgeLastWrite({ last }, NOW_MS).status).toBe(status);
});

const EQUAL: Parity = {
  ...{ vectors: 10, chunks: 10, sampled: 10, missing: 0, missing_long: 0, orphans: 0 },
  ...{ owed_upserts: 0, owed_deletes: 0, oldest_owed_ms: null, last_write_ms: NOW_MS - VECTORIZE_SETTLING_MS },
};
const young = { last_write_ms: NOW_MS - VECTORIZE_SETTLING_MS + 1 };
const owed = (age_ms: number) => ({ owed_upserts: 2, owed_deletes: 1, oldest_owed_ms: NOW_MS - age_ms });
const stated: [string, Partial<Parity>, string][] = [
  ["equal counts", {}, "healthy"],
  ["more vectors than chunks", { vectors: 11 }, "unhealthy"],
  ["fewer vectors than chunks", { vectors: 9 }, "unhealthy"],
  ["a difference a moment after a write", { vectors: 9, missing: 1, ...young }, "unknown"],
  ["a chunk without its vector since before the last write", { missing: 1, missing_long: 1, ...young }, "unhealthy"],
  ["a difference that is owed", { vectors: 8, ...owed(1) }, "healthy"],
  ["a larger difference than is owed", { vectors: 7, ...owed(1) }, "unhealthy"],
  ["what is owed for long", { vectors: 8, ...owed(OVERDUE_AFTER_MS + 1) }, "unhealthy"],
  ["more chunks than are counted", { vectors: 2 * PARITY_COUNT_MAX, chunks: PARITY_COUNT_MAX + 1 }, "healthy"],
  ["a sample that misses one, whatever is counted", { chunks: PARITY_COUNT_MAX + 1, missing: 1 }, "unhealthy"],
  ["an orphan among the nearest", { orphans: 1 }, "unhealthy"],
];
test.each(stated)("of %s", (_, difference, status) => {
  expect(judgeParity({ ...EQUAL, ...difference }, PARITY_COUNT_MAX, NOW_MS, null).status).toBe(status);
});

const ended = (name: Ended["name"], more: Partial<Ended> = {}): Ended => ({
  ...{ name, needs: [], met: false, status: "healthy", latency_ms: 1, test: "", detail: null, facts: {} },
  ...more,
});

test("a failure that follows from another is not told as one of its own, but a judgement is", () => {
  const broken = { status: "unhealthy", met: true, detail: "down" } as const;
  const needs = ["database"] as const;
  const follows = verdict([ended("database", broken), ended("tables", { ...broken, needs })]);
  expect([follows.status, follows.broken, follows.checks.tables.status]).toEqual([
    "unhealthy",
    ["database"],
    "unknown",
  ]);
  const judged = verdict([ended("database", broken), ended("tables", { ...broken, met: false, needs })]);
  expect(judged.broken).toEqual(["database", "tables"]);
  const alone = verdict([ended("database"), ended("full_text", { ...broken, needs })]);
  expect([alone.status, alone.broken]).toEqual(["unhealthy", ["full_text"]]);
});

test("what only waits to be judged makes nothing unhealthy, and what has a fallback only degrades", () => {
  expect(verdict([ended("cron", { status: "unknown" })]).status).toBe("healthy");
  expect(verdict([ended("vectorize", { status: "unhealthy" })]).status).toBe("degraded");
});

test("a store lasts as long as its last week's pace allows", () => {
  expect(storeOf("vectors", "dimensions", 30, 100, 7)).toMatchObject({ usage_percentage: 30, days_left: 70 });
  expect(storeOf("vectors", "dimensions", 130, 100, 7).days_left).toBe(0);
  expect(storeOf("vectors", "dimensions", 30, 100, 0).days_left).toBeNull();
});
