/**
 * What the alert rules look at, gathered once a cron run. Each source fails for itself: what cannot be read is missing, and each
 * rule says what that means. Nothing here needs D1 but what is counted in it.
 */
import { QUEUES } from "../../infra/inventory.ts";
import type { Beginning, Observation } from "../alerts/calls.ts";
import type { MetricName, Reading } from "../alerts/metrics.ts";
import { type Slice, sliceTally } from "../alerts/windows.ts";
import { within } from "../ground/time-limit.ts";
import { ALERT_CATCH_UP_MIN, ALERT_SOURCE_TIMEOUT_MS, ALERT_STEP_MIN, RATINGS_JUDGED_MAX } from "../limits.ts";
import { describeError } from "../telemetry/log.ts";
import { meterShards, minuteOf } from "../telemetry/metering.ts";
import type { Work } from "../work.ts";
import { allowancesOf } from "./allowances.ts";
import { usedStores } from "./capacity.ts";
import { type Check, performed } from "./checks/check.ts";
import { fullText } from "./checks/database.ts";
import { quickParity, vectorParity } from "./checks/vectors.ts";
import { currentHealth } from "./health.ts";

const HOUR_MIN = 60;
const WEEK_MIN = 7 * 24 * HOUR_MIN;
const WEEK_MS = WEEK_MIN * 60_000;

type Observed = Pick<Observation, "slices" | "readings" | "slow_readings" | "lasting_readings">;

/** Never rejects. */
export async function observe(work: Work, { observed_minute, slow_due }: Beginning): Promise<Observed> {
  const named = { dependencies, allowances, fullness, queues, deadLetters, userErrors, ratings };
  const sources = Object.entries(named).map(([name, source]) => attempt(work, name, source));
  const [slices, slow_readings, lasting, ...readings] = await Promise.all([
    attempt(work, "counts", () => counted(work, observed_minute)),
    slow_due ? attempt(work, "slow figures", slowFigures) : null,
    attempt(work, "disparities", () => disparities(work, slow_due ? [vectorParity, fullText] : [quickParity])),
    ...sources,
  ]);
  return {
    slices: slices ?? [],
    slow_readings,
    lasting_readings: lasting ?? [],
    readings: readings.flatMap((some) => some ?? []),
  };
}

async function attempt<T>(work: Work, name: string, source: (work: Work) => Promise<T>): Promise<T | null> {
  try {
    return await within(ALERT_SOURCE_TIMEOUT_MS, () => source(work));
  } catch (error) {
    work.log("WARN", "alerts lack a figure", { source: name, error: describeError(error) });
    return null;
  }
}

/** Whole minutes since the last time, but none of longer ago than the meter keeps. */
async function counted({ env, now_ms }: Work, observed_minute: number | null): Promise<Slice[]> {
  const end = minuteOf(now_ms);
  const begin = Math.max(observed_minute ?? end - ALERT_STEP_MIN, end - ALERT_CATCH_UP_MIN);
  // After a missed run the last minutes are a slice of their own: the shortest window has them as ever.
  const cut = Math.max(begin, end - ALERT_STEP_MIN);
  const spans = [
    { from_minute: begin, to_minute: cut },
    { from_minute: cut, to_minute: end },
  ].filter(({ from_minute, to_minute }) => from_minute < to_minute);
  return Promise.all(
    spans.map(async (span) => {
      const shards = meterShards(env).map((shard) => shard.read(span.from_minute, span.to_minute));
      return { ...span, tally: sliceTally((await Promise.all(shards)).flat()) };
    }),
  );
}

function reading(metric: MetricName, value: number, labels: Reading["labels"] = {}): Reading {
  return { metric, window_min: null, labels, value };
}

async function dependencies(work: Work): Promise<Reading[]> {
  const { database, vectorize, kv } = (await currentHealth(work)).services;
  const up = ({ status }: typeof database | typeof vectorize | typeof kv) => (status === "healthy" ? 1 : 0);
  // Apart: without D1 nothing is answered, without the others something else is.
  return [
    reading("database_up", up(database)),
    ...Object.entries({ vectorize, kv }).map(([dependency, found]) =>
      reading("dependency_up", up(found), { dependency }),
    ),
  ];
}

async function allowances(work: Work): Promise<Reading[]> {
  return Object.entries(await allowancesOf(work)).map(([resource, { usage_percentage }]) =>
    reading("allowance_percent", usage_percentage, { resource }),
  );
}

/** A store that is full refuses, as an allowance that is used up does; only that no midnight empties it. */
async function fullness(work: Work): Promise<Reading[]> {
  const { database, vectors } = await usedStores(work);
  return Object.entries({ database, vectors }).map(([resource, { used, limit }]) =>
    reading("allowance_percent", (100 * used) / limit, { resource }),
  );
}

async function queues({ env, clock_ms }: Work): Promise<Reading[]> {
  const bindings = { ingest: env[QUEUES.ingest.binding], dead: env[QUEUES.dead.binding] };
  const readings = Object.entries(bindings).map(async ([queue, binding]) => {
    const { backlogCount, oldestMessageTimestamp: oldest } = await binding.metrics();
    const age_s = oldest === undefined ? 0 : Math.max(0, (clock_ms() - oldest.getTime()) / 1000);
    return [reading("queue_depth", backlogCount, { queue }), reading("queue_oldest_s", age_s, { queue })];
  });
  return (await Promise.all(readings)).flat();
}

async function deadLetters({ stores }: Work): Promise<Reading[]> {
  const row = await stores.db.prepare("SELECT COUNT(*) AS count FROM dead_letters").first<{ count: number }>();
  return [reading("dead_letters", row?.count ?? 0)];
}

async function userErrors({ env, now_ms }: Work): Promise<Reading[]> {
  const to_minute = minuteOf(now_ms);
  const shards = await Promise.all(meterShards(env).map((shard) => shard.readErrors(to_minute - HOUR_MIN, to_minute)));
  return Object.entries(Object.assign({}, ...shards) as Record<string, number>).map(([key, errors]) =>
    reading("user_errors", errors, { key }),
  );
}

/** What no caller notices. A check that met a dependency that fails says nothing of its own. */
async function disparities(work: Work, checks: readonly Check[]): Promise<Reading[]> {
  const ended = await Promise.all(checks.map((check) => performed(check, work)));
  return ended.flatMap(({ name, met, status }) =>
    met || status === "unknown" ? [] : [reading("disparity", status === "healthy" ? 0 : 1, { check: name })],
  );
}

/** What looks at a week or two. A key always counts in the same shard, so that the shards' numbers of keys add up. */
async function slowFigures({ env, now_ms }: Work): Promise<Reading[]> {
  const end = minuteOf(now_ms);
  const keysIn = async (from: number, to: number) =>
    (await Promise.all(meterShards(env).map((shard) => shard.countKeys(from, to)))).reduce(
      (sum, count) => sum + count,
      0,
    );
  const [now, before] = await Promise.all([keysIn(end - WEEK_MIN, end), keysIn(end - 2 * WEEK_MIN, end - WEEK_MIN)]);
  return before === 0 ? [] : [reading("active_users_change_percent", (100 * (now - before)) / before)];
}

/** The newest of a week. */
async function ratings({ stores, now_ms }: Work): Promise<Reading[]> {
  const sql = `SELECT COUNT(*) AS ratings, AVG(rating) AS mean
    FROM (SELECT rating FROM feedback WHERE created_at_ms >= ?1 ORDER BY created_at_ms DESC LIMIT ?2)`;
  const statement = stores.db.prepare(sql).bind(now_ms - WEEK_MS, RATINGS_JUDGED_MAX);
  const found = await statement.first<{ ratings: number; mean: number | null }>();
  if (found === null) return [];
  const { mean } = found;
  return [reading("ratings", found.ratings), ...(mean === null ? [] : [reading("quality_mean", mean)])];
}
