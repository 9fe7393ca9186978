/**
 * From requests to the meter: what an isolate has served within `METER_FLUSH_MS` goes in one call per shard.
 *
 * Every request is counted, in the `waitUntil` of the first one of its group. One call a request would count no
 * better, cost a Durable Object request each (100 000 a day on the free plan), and take longer than many answers.
 */
import { METER_SHARDS } from "../../infra/inventory.ts";
import type { Env } from "../env.ts";
import type { Sample } from "../ground/meter.ts";
import { METER_FLUSH_MS } from "../limits.ts";

const MINUTE_MS = 60_000;

/** Shard → samples by minute and key. */
let pending = new Map<number, Map<string, Sample>>();
/** A flush is under way until then; later, it died with its request and the next one takes over. */
let flush_expected_ms = 0;

/** What a request adds; its minute and count are the meter's business. */
type RequestSample = Omit<Sample, "minute" | "requests">;

/** Hears how many requests were handed over for a key, and the meter's count where the key has a quota. */
type OnMetered = (key_id: string, handed_over: number, used_today: number | undefined) => void;

/**
 * Counts a request; for `waitUntil`. `shard_by` is the key's id, or the address of an anonymous caller. Throws when
 * the meter cannot be reached; the group's samples are lost then.
 */
export async function meterRequest(
  env: Env,
  sample: RequestSample,
  shard_by: string,
  now_ms: number,
  onMetered: OnMetered,
): Promise<void> {
  add(sample, shardOf(shard_by), Math.floor(now_ms / MINUTE_MS));
  if (now_ms < flush_expected_ms) return;
  flush_expected_ms = now_ms + 2 * METER_FLUSH_MS;
  await scheduler.wait(METER_FLUSH_MS);
  const groups = pending;
  pending = new Map();
  flush_expected_ms = 0;
  await Promise.all([...groups].map(([shard, samples]) => handOver(env, shard, [...samples.values()], onMetered)));
}

function add(sample: RequestSample, shard: number, minute: number): void {
  const samples = pending.get(shard) ?? new Map<string, Sample>();
  pending.set(shard, samples);
  const name = `${minute} ${sample.key_id}`;
  const sum = samples.get(name);
  if (sum === undefined) {
    samples.set(name, { ...sample, minute, requests: 1 });
    return;
  }
  sum.requests += 1;
  sum.errors += sample.errors;
  sum.tokens_in += sample.tokens_in;
  sum.tokens_out += sample.tokens_out;
  sum.tokens_saved += sample.tokens_saved;
  sum.neurons += sample.neurons;
}

async function handOver(env: Env, shard: number, samples: Sample[], onMetered: OnMetered): Promise<void> {
  let used_today: Record<string, number> = {};
  try {
    used_today = await env.METER.get(env.METER.idFromName(`shard-${shard}`)).record(samples);
  } finally {
    for (const { key_id, requests } of samples) onMetered(key_id, requests, used_today[key_id]);
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
