/** KV: both namespaces are read; one is written to a few times an hour, whatever isolate is asked. */
import type { Turn } from "../../ground/meter.ts";
import { DEEP_CHECK_LIMIT_MS, KV_PROBE_EVERY_MS } from "../../limits.ts";
import { describeError } from "../../telemetry/log.ts";
import { meterShards } from "../../telemetry/metering.ts";
import type { Work } from "../../work.ts";
import type { Check, Finding } from "./check.ts";

const KEY = "health/probe";
const TURN = "kv-write";

export const keyValue: Check = {
  name: "kv",
  test: "read both namespaces of KV",
  async run(work) {
    const { env, timings, now_ms } = work;
    await Promise.all([env.CONFIG, env.CACHE].map((namespace) => timings.measure("kv", () => namespace.get(KEY))));
    // The meter is the one place that all isolates share at once: KV itself would let two of them write.
    const [shard] = meterShards(env);
    const turn = await shard?.takeTurn(TURN, now_ms, KV_PROBE_EVERY_MS).catch(() => null);
    if (shard === undefined || !turn)
      return { status: "unknown", detail: "whether KV takes writes was not tested: the meter does not answer" };
    if (!turn.granted) return judgeLastWrite(turn, now_ms);
    const error = await write(work);
    await shard.endTurn(TURN, error);
    const test = "read both namespaces of KV, write to one";
    return error === null
      ? { status: "healthy", test }
      : { status: "unhealthy", test, detail: `KV does not take a write: ${error}` };
  },
};

async function write({ env, timings, now_ms }: Work): Promise<string | null> {
  timings.counts.kv_writes += 1;
  return env.CONFIG.put(KEY, new Date(now_ms).toISOString()).then(
    () => null,
    (error: unknown) => describeError(error).message,
  );
}

/** Pure: what the last write test says of now. */
export function judgeLastWrite({ last }: Pick<Turn, "last">, now_ms: number): Finding {
  const at = last === null ? "never" : new Date(last.at_ms).toISOString();
  const facts = { last_write_test: at };
  if (last?.ended === false && now_ms - last.at_ms > DEEP_CHECK_LIMIT_MS)
    return { status: "unhealthy", detail: `the write test of ${at} did not end`, facts };
  if (last !== null && last.error !== null)
    return { status: "unhealthy", detail: `the write test of ${at} failed: ${last.error}`, facts };
  return { status: "healthy", facts };
}
