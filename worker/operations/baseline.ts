/** The baseline: how the service did when somebody said that this is how it should do. In KV, so that every isolate has it. */
import type { z } from "zod";
import { Problem } from "../ground/problem.ts";
import { type Baseline, baseline, type baselineUpdate } from "../schemas/monitoring.ts";
import type { Work } from "../work.ts";
import { seriesOf } from "./metrics.ts";
import { performanceOf } from "./performance.ts";

const KEY = "monitoring/baseline";

/** @throws Problem `nothing-measured` where the period holds no request. */
export async function updateBaseline(work: Work, { period }: z.infer<typeof baselineUpdate>): Promise<Baseline> {
  const performance = performanceOf(await seriesOf(work, period));
  if (performance.all.requests === 0)
    throw new Problem("nothing-measured", `No request was answered in the last ${period}: choose a longer period.`);
  const taken: Baseline = { taken_at: new Date(work.now_ms).toISOString(), period, ...performance };
  work.timings.counts.kv_writes += 1;
  await work.env.CONFIG.put(KEY, JSON.stringify(taken));
  return taken;
}

/** Null before the first, and where another version wrote another shape. */
export async function readBaseline({ env, timings }: Work): Promise<Baseline | null> {
  const text = await timings.measure("kv", () => env.CONFIG.get(KEY, "json"));
  return baseline.safeParse(text).data ?? null;
}
