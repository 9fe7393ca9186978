/** What the current day has used, from the meter and from the ratings in D1. */

import { labelled, ratio } from "../ground/tally.ts";
import { DAY_MS } from "../ground/time.ts";
import { USD_PER_NEURON } from "../rag/answer/chat-models.ts";
import type { UsageSummary } from "../schemas/usage.ts";
import { ratingsSince } from "../store/feedback.ts";
import { minuteOf } from "../telemetry/metering.ts";
import { LABELS } from "../telemetry/tally.ts";
import type { Work } from "../work.ts";
import { type Allowances, allowancesOf } from "./allowances.ts";
import { readMeter, tokenFigures, total } from "./read-meter.ts";

/** @throws Problem `metrics-unavailable` when a part of the meter does not answer; D1's errors. */
export async function usageSummary(work: Work): Promise<UsageSummary> {
  const { now_ms } = work;
  const day = Math.floor(now_ms / DAY_MS);
  const [series, users, allowances, ratings] = await Promise.all([
    readMeter(work, (shard) => shard.read(minuteOf(day * DAY_MS), minuteOf(now_ms) + 1)),
    readMeter(work, async (shard) => [await shard.users(day)]),
    allowancesOf(work),
    ratingsSince(work.stores.db, day * DAY_MS),
  ]);
  const sum = total(series, ({ kind }) => kind === "request");
  const { units = 0, tokens_in = 0, tokens_out = 0, neurons = 0 } = sum;
  const estimated_usd = neurons * USD_PER_NEURON;
  // A key's samples are all in one shard, so nobody is counted twice.
  const count = (which: "active" | "new") => users.reduce((people, shard) => people + shard[which], 0);
  const price = ratio(estimated_usd, tokens_in + tokens_out);
  return {
    date: new Date(now_ms).toISOString().slice(0, 10),
    users: { active: count("active"), new: count("new") },
    requests: { total: units, by_model: Object.fromEntries(labelled(sum, LABELS.model)) },
    tokens: tokenFigures(sum),
    cost: {
      estimated_usd,
      per_1k_tokens_usd: price === null ? null : 1000 * price,
      free_tier_remaining: each(allowances, ({ used, limit }) => Math.max(0, limit - used)),
      free_tier_runs_out_at: each(allowances, ({ runs_out_at }) => runs_out_at),
    },
    quality: ratings,
  };
}

function each<T>(allowances: Allowances, tell: (one: Allowances[keyof Allowances]) => T): Record<keyof Allowances, T> {
  return Object.fromEntries(Object.entries(allowances).map(([name, one]) => [name, tell(one)])) as Record<
    keyof Allowances,
    T
  >;
}
