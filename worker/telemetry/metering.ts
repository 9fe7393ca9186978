/**
 * From units of work to the meter: what an isolate has done within `METER_FLUSH_MS` goes in one call per shard.
 *
 * Every unit is counted, in the `waitUntil` of the first one of its group. One call a request would count no
 * better, cost a Durable Object request each (100 000 a day on the free plan), and take longer than many answers.
 */

import { METER_SHARDS } from "../../infra/inventory.ts";
import type { Env } from "../env.ts";
import type { MeterCalls, Sample, SeriesTally, UnitSample } from "../ground/meter.ts";
import { addTally } from "../ground/tally.ts";
import { MINUTE_MS } from "../ground/time.ts";
import { METER_FLUSH_MS } from "../limits.ts";

/** Minutes since the epoch: what the meter keeps its buckets by. */
export function minuteOf(at_ms: number): number {
  return Math.floor(at_ms / MINUTE_MS);
}

/** What waits for a shard, by minute and key, and by minute and series. */
interface Group {
  samples: Map<string, Sample>;
  units: Map<string, UnitSample>;
}

/** Shard → what it will be told. */
let pending = new Map<number, Group>();
/** A flush is under way until then; later, it died with its request and the next one takes over. */
let flush_expected_ms = 0;

/** A unit of work. Its minute and count are the meter's business; a request has a key's share as well. */
interface Counted extends SeriesTally {
  sample?: Omit<Sample, "minute" | "requests">;
}

/** Hears how many requests were handed over for a key, and the meter's count where the key has a quota. */
type OnMetered = (key_id: string, handed_over: number, used_today: number | undefined) => void;

/** The meter's objects, one a shard. */
export function meterShards(env: Pick<Env, "METER">): DurableObjectStub<MeterCalls>[] {
  return Array.from({ length: METER_SHARDS }, (_, index) => meterShard(env, index));
}

function meterShard({ METER }: Pick<Env, "METER">, index: number): DurableObjectStub<MeterCalls> {
  return METER.get(METER.idFromName(`shard-${index}`));
}

/**
 * Counts a unit of work; for `waitUntil`. `shard_by` is the key's id, the address of an anonymous caller, or what was done.
 * Throws when the meter cannot be reached; what the group counted is lost then.
 */
export async function meterUnit(
  env: Env,
  counted: Counted,
  shard_by: string,
  now_ms: number,
  onMetered: OnMetered,
): Promise<void> {
  const shard = shardOf(shard_by);
  const group = pending.get(shard) ?? { samples: new Map(), units: new Map() };
  pending.set(shard, group);
  const minute = minuteOf(now_ms);
  addUnit(group, counted, minute);
  if (counted.sample !== undefined) addSample(group, counted.sample, minute);

  if (now_ms < flush_expected_ms) return;
  flush_expected_ms = now_ms + 2 * METER_FLUSH_MS;
  await scheduler.wait(METER_FLUSH_MS);
  const groups = pending;
  pending = new Map();
  flush_expected_ms = 0;
  await Promise.all([...groups].map(([index, waiting]) => handOver(meterShard(env, index), waiting, onMetered)));
}

function addUnit({ units }: Group, { series, tally }: SeriesTally, minute: number): void {
  const name = `${minute} ${JSON.stringify(series)}`;
  const sum = units.get(name);
  if (sum === undefined) units.set(name, { minute, series, tally: { ...tally } });
  else addTally(sum.tally, tally);
}

function addSample({ samples }: Group, sample: Omit<Sample, "minute" | "requests">, minute: number): void {
  const name = `${minute} ${sample.key_id}`;
  const sum = samples.get(name);
  if (sum === undefined) {
    samples.set(name, { ...sample, minute, requests: 1 });
    return;
  }
  sum.requests += 1;
  for (const user of sample.users) if (!sum.users.includes(user)) sum.users.push(user);
  sum.errors += sample.errors;
  sum.tokens_in += sample.tokens_in;
  sum.tokens_out += sample.tokens_out;
  sum.tokens_saved += sample.tokens_saved;
  sum.neurons += sample.neurons;
}

async function handOver(
  shard: DurableObjectStub<MeterCalls>,
  { samples, units }: Group,
  onMetered: OnMetered,
): Promise<void> {
  let used_today: Record<string, number> = {};
  try {
    used_today = await shard.record([...samples.values()], [...units.values()]);
  } finally {
    for (const { key_id, requests } of samples.values()) onMetered(key_id, requests, used_today[key_id]);
  }
}

/** FNV-1a: the same shard for the same key in every isolate and version. */
function shardOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % METER_SHARDS;
}
