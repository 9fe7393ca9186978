/** The meter's answers: what all of its parts say. */
import type { MeterCalls, Series, SeriesTally } from "../ground/meter.ts";
import { Problem } from "../ground/problem.ts";
import { addTally, ratio, type Tally } from "../ground/tally.ts";
import type { Metrics } from "../schemas/metrics.ts";
import { meterShards } from "../telemetry/metering.ts";
import type { Work } from "../work.ts";

/** @throws Problem `metrics-unavailable` when a part of the meter does not answer: half a sum would be a wrong one. */
export async function readMeter<T>(
  { env }: Work,
  ask: (shard: DurableObjectStub<MeterCalls>) => Promise<T[]>,
): Promise<T[]> {
  try {
    return (await Promise.all(meterShards(env).map(ask))).flat();
  } catch (cause) {
    throw new Problem("metrics-unavailable", "The meter does not answer.", { cause });
  }
}

/** The sum of the series that are wanted. */
export function total(series: readonly SeriesTally[], wanted: (series: Series) => boolean): Tally {
  const sum: Tally = {};
  for (const { series: one, tally } of series) if (wanted(one)) addTally(sum, tally);
  return sum;
}

/** What was sent, received and saved, and which share of what the passages would have cost unoptimised that is. */
export function tokenFigures({ tokens_in = 0, tokens_out = 0, tokens_saved = 0 }: Tally): Metrics["tokens"] {
  const savings_percentage = 100 * (ratio(tokens_saved, tokens_saved + tokens_in) ?? 0);
  return { input: tokens_in, output: tokens_out, saved: tokens_saved, savings_percentage };
}
