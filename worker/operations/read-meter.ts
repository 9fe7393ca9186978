/** The meter's answers: what all of its parts say. */
import type { MeterCalls, Series, SeriesTally } from "../ground/meter.ts";
import { Problem } from "../ground/problem.ts";
import { addTally, type Tally } from "../ground/tally.ts";
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

export function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
