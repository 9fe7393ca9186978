/** A week of ordinary traffic, made up from a seed: days and nights, noise, a failed request now and then. Nothing may be told. */
import { expect, test } from "vitest";
import type { Series, SeriesTally } from "../ground/meter.ts";
import { bucketOf } from "../ground/sketch.ts";
import type { Tally } from "../ground/tally.ts";
import { type Alert, evaluateRule } from "./evaluate.ts";
import type { Reading } from "./metrics.ts";
import { RULES } from "./rules.ts";
import { type Slice, sliceTally, windowReadings, windowsOf, withoutDurations } from "./windows.ts";

const STEP_MIN = 5;
/** Longer windows change slowly: they are added up once an hour, which makes this test five times faster. */
const SHORT_MIN = 60;
const WEEK_STEPS = (7 * 1_440) / STEP_MIN;

/** mulberry32: a number in [0, 1) each call, the same ones for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Five minutes of traffic: up to 20 requests a minute at noon, next to nothing at four in the morning. */
function traffic(minute: number, next: () => number): SeriesTally[] {
  const hour = (minute / 60) % 24;
  const daily = Math.max(0.01, Math.sin(((hour - 4) / 24) * Math.PI) ** 2);
  const amount = Math.round(100 * daily * (0.5 + next()));
  const series = new Map<string, Tally>();
  for (let index = 0; index < amount; index++) {
    const fate = next();
    // One of 2000 fails, one of 100 has a wrong key.
    const [outcome, status_code]: [Series["outcome"], number] =
      fate < 0.0005 ? ["failed", 500] : fate < 0.01 ? ["refused", 401] : ["done", 200];
    const name = JSON.stringify({ kind: "request", endpoint: "/api/v1/chat", method: "POST", status_code, outcome });
    const tally = series.get(name) ?? {};
    series.set(name, tally);
    // Log-normal around 150 ms: some answers take seconds.
    const normal = Math.sqrt(-2 * Math.log(next() || 1e-9)) * Math.cos(2 * Math.PI * next());
    const add = (what: string, value: number) => {
      tally[what] = (tally[what] ?? 0) + value;
    };
    add("units", 1);
    add(`duration/${bucketOf(150 * Math.exp(0.8 * normal))}`, 1);
    add(`cache/${next() < 0.8 ? "kv" : "miss"}`, 1);
    add("tokens_in", 400);
    add("tokens_out", 120);
    add("tokens_saved", 600);
    add("neurons", 6);
    add("ai_calls/embedding", 1);
    add("ai_calls/generation", 1);
    add("vector_calls/query", 1);
    if (next() < 0.001) add("ai_errors/generation", 1);
    if (next() < 0.001) add("vector_errors/query", 1);
    if (next() < 0.0005) add("database_errors", 1);
  }
  return [...series].map(([name, tally]) => ({ series: JSON.parse(name), tally }));
}

function moment(minute: number, next: () => number): Reading[] {
  const reading = (metric: Reading["metric"], value: number, labels: Reading["labels"] = {}): Reading => ({
    metric,
    window_min: null,
    labels,
    value,
  });
  const hours = minute / 60;
  return [
    reading("database_up", 1),
    ...["vectorize", "kv"].map((dependency) => reading("dependency_up", 1, { dependency })),
    reading("allowance_percent", 70 * ((minute % 1_440) / 1_440), { resource: "requests" }),
    reading("queue_depth", Math.round(200 * next()), { queue: "ingest" }),
    reading("queue_oldest_s", Math.round(60 * next()), { queue: "ingest" }),
    reading("user_errors", next() < 0.02 ? 2 : 0, { key: "k1" }),
    reading("backup_age_h", hours % 24),
    reading("job_late_s", 0, { job: "backup" }),
    reading("job_failed", 0, { job: "backup" }),
    reading("channel_failures", next() < 0.01 ? 1 : 0, { channel: "slack" }),
    reading("quality_mean", 4 + 0.4 * next()),
    reading("ratings", 40),
    reading("active_users_change_percent", 8 * next() - 4),
    reading("dead_letters", 0),
  ];
}

test("a quiet week of mixed traffic raises nothing", () => {
  const next = random(1);
  const windows = windowsOf(RULES);
  const longest = Math.max(...windows);
  let slices: Slice[] = [];
  let long: Reading[] = [];
  const alerts = new Map<string, Alert[]>();
  const raised: string[] = [];
  for (let step = 1; step <= WEEK_STEPS; step++) {
    const to_minute = step * STEP_MIN;
    slices.push({ from_minute: to_minute - STEP_MIN, to_minute, tally: sliceTally(traffic(to_minute, next)) });
    slices = slices.filter(({ from_minute }) => from_minute >= to_minute - longest);
    const aged = slices.at(-1 - 60 / STEP_MIN);
    if (aged) aged.tally = withoutDurations(aged.tally);
    const isDue = step % 12 === 0;
    const fresh = windowReadings(slices, isDue ? windows : windows.filter((window) => window <= SHORT_MIN), to_minute);
    if (isDue) long = fresh.filter(({ window_min }) => (window_min ?? 0) > SHORT_MIN);
    const short = fresh.filter(({ window_min }) => (window_min ?? 0) <= SHORT_MIN);
    const readings = [...short, ...long, ...moment(to_minute, next)];
    for (const rule of RULES) {
      const after = evaluateRule(rule, alerts.get(rule.id) ?? [], readings, to_minute * 60_000);
      alerts.set(rule.id, after);
      raised.push(...after.filter(({ state }) => state === "firing").map(({ id }) => `${id} at ${to_minute} min`));
    }
  }
  expect(raised).toEqual([]);
});
