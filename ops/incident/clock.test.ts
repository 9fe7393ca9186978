import { expect, test } from "vitest";
import { shownTime } from "../command/quantities.ts";
import type { ShownEntry, ShownIncident } from "./answers.ts";
import { clockOf, dueTold } from "./clock.ts";
import { happenedByAlerts, withoutKnown } from "./events.ts";
import { failingSince, impactOf, mttd_s, periodSince } from "./measures.ts";
import { doubtsOf } from "./resolve.ts";

/** A Friday. */
const OPENED = "2026-11-27T16:00:00.000Z";
const at = (min: number) => new Date(Date.parse(OPENED) + min * 60_000).toISOString();
const ms = (min: number) => Date.parse(at(min));
const entry = (min: number, source: ShownEntry["source"] = "operator", text = "x", is_public = true): ShownEntry => ({
  at: at(min),
  state: "investigating",
  source,
  text,
  is_public,
});
const incident = (severity: ShownIncident["severity"], timeline = [entry(0)]) => ({
  severity,
  state: "investigating" as const,
  commander: null,
  started_at: at(-30),
  resolved_at: null,
  timeline,
});

test("somebody must be at work within the time of the severity, and news are due on a clock that news set back", () => {
  expect(clockOf(incident("SEV-1"), ms(20))).toMatchObject({
    respond_by: at(15),
    is_responded: false,
    response_late_s: 300,
    update_due: at(30),
    update_late_s: 0,
  });
  expect(clockOf(incident("SEV-2", [entry(0), entry(50)]), ms(120))).toMatchObject({
    is_responded: true,
    response_late_s: 0,
    update_due: at(110),
    update_late_s: 600,
  });
  expect(clockOf({ ...incident("SEV-2"), commander: "ann" }, ms(120))).toMatchObject({ is_responded: true });
  // What the team alone reads, and what machines add, is no news.
  const quiet = [entry(0), entry(50, "operator", "x", false), entry(55, "alert")];
  expect(clockOf(incident("SEV-2", quiet), ms(0)).update_due).toBe(at(60));
  expect(clockOf({ ...incident("SEV-1"), state: "resolved" }, ms(999))).toMatchObject({
    update_due: null,
    update_late_s: 0,
  });
});

test("a business day after Friday is Monday", () => {
  expect(clockOf(incident("SEV-4"), ms(0))).toMatchObject({
    respond_by: "2026-11-30T16:00:00.000Z",
    update_due: "2026-11-30T16:00:00.000Z",
  });
});

test("times are told in the two largest units", () => {
  expect([40, 720, 11_100, 7_200, 187_200].map((s) => shownTime(1_000 * s))).toEqual([
    "40 s",
    "12 min",
    "3 h 5 min",
    "2 h",
    "2 d 4 h",
  ]);
  expect([dueTold(at(12), ms(0)), dueTold(at(0), ms(34))]).toEqual(["in 12 min", "34 min LATE"]);
});

test("an incident was noticed when its alert fired, or when somebody opened it", () => {
  expect(mttd_s(incident("SEV-1"))).toBe(1_800);
  expect(mttd_s(incident("SEV-1", [entry(-28, "alert", "alert a fires: b"), entry(-27, "deploy"), entry(0)]))).toBe(
    120,
  );
});

test("the impact is what was counted in the steps that the incident touches", () => {
  const step = (min: number, requests: number, errors: number) => ({
    at: at(min),
    requests,
    errors,
    p95_latency_ms: requests,
  });
  const series = {
    period: "1h",
    step_minutes: 2,
    steps: [step(-4, 9, 9), step(0, 10, 1), step(2, 20, 2), step(4, 9, 9)],
  };
  expect(impactOf(series, ms(1), ms(3))).toEqual({ requests: 30, failed: 3, p95_latency_ms_max: 20, step_minutes: 2 });
  expect([1, 61, 3_000, 11_000, 99_999].map((min) => periodSince(ms(0), ms(min)))).toEqual([
    "1h",
    "24h",
    "7d",
    "30d",
    null,
  ]);
});

const alert = (over: object) => ({
  ...{
    id: "a",
    rule: "a",
    labels: {},
    state: "firing" as const,
    severity: "warning" as const,
    summary: "it hurts",
    runbook: null,
  },
  ...{ value: 1, since: at(-60), flaps: 0, told_at: null, escalated: 0, acknowledged: null, silenced_until: null },
  ...over,
});

test("an alert holds an incident open that pages, that began with it, or that is in its timeline", () => {
  const doubts = (over: object, timeline: ShownEntry[] = []) =>
    doubtsOf({ evaluated_at: at(0), alerts: [alert(over)] }, { started_at: at(-30), timeline }, ms(1)).length;
  expect(doubts({})).toBe(0);
  expect(doubts({ severity: "critical" })).toBe(1);
  expect(doubts({ since: at(-20) })).toBe(1);
  expect(doubts({}, [entry(-60, "alert", "alert a fires: it hurts")])).toBe(1);
  expect(doubts({ severity: "critical", state: "resolved" })).toBe(0);
  expect(doubtsOf({ evaluated_at: at(0), alerts: [] }, { started_at: at(-30), timeline: [] }, ms(16))).toHaveLength(1);
});

test("what alerts, their deliveries and changes tell is one line an event, and none that is known", () => {
  const delivery = { id: 1, channel: "c", state: "sent" as const, attempts: 1, at: at(9), error: null, alert: "a" };
  const happened = happenedByAlerts({
    alerts: [alert({ since: at(0) })],
    deliveries: [
      { ...delivery, kind: "firing", created_at: at(1) },
      { ...delivery, kind: "test", created_at: at(1) },
    ],
    changes: [
      { at: at(-5), kind: "deploy", summary: "version 2 serves" },
      { at: at(2), kind: "incident", summary: "incident 1 is open" },
    ],
  });
  const fresh = withoutKnown(happened, []);
  expect(fresh.map(({ source, text }) => `${source}: ${text}`)).toEqual([
    "deploy: deploy: version 2 serves",
    "alert: alert a fires: it hurts",
  ]);
  expect(withoutKnown(happened, fresh)).toEqual([]);
});

test("an outage began with the first step of failed requests that no good one separates from its alert", () => {
  const began = (...errors: number[]) =>
    failingSince(
      {
        step_minutes: 2,
        steps: errors.map((failed, index) => ({
          at: at(2 * index),
          requests: 100,
          errors: failed,
          p95_latency_ms: null,
        })),
      },
      ms(2 * errors.length - 1),
    );
  expect(began(50, 0, 50, 50, 50)).toBe(ms(4));
  expect(began(0, 0, 0, 50, 0)).toBe(ms(6));
  expect(began(0, 0, 0, 0, 50)).toBe(ms(8));
  expect(began(50, 50, 50)).toBe(ms(0));
  // One of a hundred is nobody's outage, nor one that was over before.
  expect(began(1, 1, 1, 1, 1)).toBeNull();
  expect(began(50, 50, 0, 0)).toBeNull();
  expect(began()).toBeNull();
});
