/** What works behind the answers: the queue, cron, and the meter that knows of both. */

import { counted } from "../../ground/counted.ts";
import { type MeterCalls, PULSE_TASK, type SeriesTally } from "../../ground/meter.ts";
import { MINUTE_MS } from "../../ground/time.ts";
import { CRON_STOPPED_AFTER_MS, DEAD_LETTER_NEWS_MS, QUEUE_STUCK_AFTER_MS } from "../../limits.ts";
import type { QueueMessage } from "../../store/queue-messages.ts";
import { meterShards, minuteOf } from "../../telemetry/metering.ts";
import { type Check, type Finding, foundOf, HEALTHY, rowsIfAny } from "./check.ts";

export const queue: Check = {
  name: "queue",
  test: "send a message that asks for nothing; read the backlogs; look for letters that died",
  needs: ["database"],
  async run(work) {
    const { env, now_ms } = work;
    const ping: QueueMessage = { type: "ping" };
    const [letters] = await rowsIfAny<{ count: number; newest_ms: number | null }>(
      work,
      "SELECT count(*) AS count, max(failed_at_ms) AS newest_ms FROM dead_letters",
    );
    return foundOf(async () => {
      const before = await env.INGEST_QUEUE.metrics();
      await env.INGEST_QUEUE.send(ping);
      const dead = await env.DEAD_LETTERS.metrics();
      const figures = {
        backlog: before.backlogCount,
        oldest_ms: before.oldestMessageTimestamp?.getTime() ?? null,
        dead_backlog: dead.backlogCount,
        dead_letters: letters?.count ?? null,
        newest_letter_ms: letters?.newest_ms ?? null,
      };
      return { ...judgeQueue(figures, now_ms), facts: figures };
    });
  },
};

interface QueueFigures {
  backlog: number;
  /** When the oldest waiting message was sent. */
  oldest_ms: number | null;
  newest_letter_ms: number | null;
}

/** Pure. */
export function judgeQueue({ backlog, oldest_ms, newest_letter_ms }: QueueFigures, now_ms: number): Finding {
  if (oldest_ms !== null && now_ms - oldest_ms > QUEUE_STUCK_AFTER_MS) {
    const since = new Date(oldest_ms).toISOString();
    return {
      status: "unhealthy",
      detail: `${counted(backlog, "message")} waiting, the oldest since ${since}: nobody takes them`,
    };
  }
  if (newest_letter_ms !== null && now_ms - newest_letter_ms < DEAD_LETTER_NEWS_MS)
    return { status: "degraded", detail: `a message died at ${new Date(newest_letter_ms).toISOString()}` };
  return HEALTHY;
}

export const meter: Check = {
  name: "meter",
  test: "write to every part of the meter and read it back",
  async run({ env, now_ms }) {
    await Promise.all(meterShards(env).map((shard) => shard.probe(now_ms)));
    return HEALTHY;
  },
};

export const cron: Check = {
  name: "cron",
  test: "look for the last run of the five-minute checks in the meter",
  needs: ["meter"],
  async run({ env, now_ms }) {
    const minute = minuteOf(now_ms);
    const from = minute - CRON_STOPPED_AFTER_MS / MINUTE_MS;
    const ask = async (shard: DurableObjectStub<MeterCalls>) => ({
      series: await shard.read(from, minute + 1),
      ...(await shard.probe(now_ms)),
    });
    const shards = await Promise.all(meterShards(env).map(ask));
    const first = shards.flatMap(({ first_minute }) => (first_minute === null ? [] : [first_minute]));
    return judgeCron({
      runs: shards.flatMap(({ series }) => series).filter(({ series }) => series.endpoint === `cron/${PULSE_TASK}`),
      watched_minutes: first.length === 0 ? 0 : minute - Math.min(...first),
    });
  },
};

interface CronFigures {
  /** Of the last `CRON_STOPPED_AFTER_MS`. */
  runs: readonly SeriesTally[];
  /** For how long the meter has counted anything. */
  watched_minutes: number;
}

/** Pure. A service that just started cannot have missed a run. */
export function judgeCron({ runs, watched_minutes }: CronFigures): Finding {
  const count = (wanted: (outcome: string) => boolean) =>
    runs.reduce((sum, { series, tally }) => sum + (wanted(series.outcome) ? (tally.units ?? 0) : 0), 0);
  const facts = { runs: count(() => true), failed: count((outcome) => outcome === "failed") };
  const window_minutes = CRON_STOPPED_AFTER_MS / MINUTE_MS;
  if (facts.runs === 0 && watched_minutes < window_minutes)
    return {
      status: "unknown",
      detail: `no run yet; the meter counts since ${counted(watched_minutes, "minute")} only`,
      facts,
    };
  if (facts.runs === 0)
    return { status: "unhealthy", detail: `no run in the last ${window_minutes} minutes: cron has stopped`, facts };
  if (facts.failed === facts.runs) return { status: "degraded", detail: "every run has failed", facts };
  return { status: "healthy", facts };
}
