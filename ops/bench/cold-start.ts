/**
 * What a caller waits for where no isolate is warm: the first answer of a fresh workerd, with the service in it and with a bare Worker
 * alone. All of the module code is evaluated before it; the process's own start is part of both.
 */
import { z } from "zod";
import type { Platform } from "../../local/platform.ts";
import { workerdPids } from "../../local/watchdog.ts";
import type { Invocation } from "../command/invocation.ts";
import { rounded } from "../command/rounded.ts";
import { percentile } from "../eval/metrics.ts";
import { createClient } from "../service/client.ts";
import { startOwnPlatform } from "../service/rig.ts";
import { peerWorkers } from "./http-setup.ts";
import { createGun, processCpu_ms, type Shot } from "./measure.ts";

const STARTS_MAX = 9;

const figure = z.strictObject({
  p50_ms: z.number(),
  process_cpu_ms: z.number().nullable().describe("of the whole process until the answer; null without /proc"),
});
export const coldStart = z
  .strictObject({
    starts: z.int(),
    bare: figure,
    service: figure,
    ratio_p50: z.number(),
    ratio_cpu: z.number().nullable(),
  })
  .describe("the first answer of a fresh workerd: a full-text query of a bare Worker, and a search of the service");
export type ColdStart = z.infer<typeof coldStart>;

/** Takes turns between both, `rounds` times, some at most. */
export async function measureColdStarts(invocation: Invocation, rounds: number): Promise<ColdStart> {
  const { signal, progress } = invocation;
  const opened: Platform[] = [];
  try {
    const bare = await startOwnPlatform({ account: "empty", extra_workers: await peerWorkers() });
    opened.push(bare);
    const service = await startOwnPlatform();
    opened.push(service);
    const text = "Green tea is brewed at 80 degrees.";
    await createClient({ url: bare.url, token: "", signal }).post("/__peer/fts-fetch/load", [[1, "Tea", text]]);
    await createClient({ url: service.url, token: service.admin_key, signal }).put("/api/v1/documents/tea", {
      title: "Tea",
      text,
    });
    const ofBare = new Starts(bare, { method: "GET", path: "/__peer/fts-fetch/query?q=tea" });
    const ofService = new Starts(service, { method: "POST", path: "/api/v1/search", body: { query: "tea" } });
    const starts = Math.min(rounds, STARTS_MAX);
    progress.start("cold starts", starts);
    for (let round = 0; round < starts; round += 1) {
      for (const subject of [ofBare, ofService]) {
        signal.throwIfAborted();
        await subject.again();
      }
      progress.update(round + 1);
    }
    progress.stop(`${starts} cold starts of each measured`);
    const [bareFigure, serviceFigure] = [ofBare.figure(), ofService.figure()];
    return {
      starts,
      bare: bareFigure,
      service: serviceFigure,
      ratio_p50: rounded(serviceFigure.p50_ms / bareFigure.p50_ms, 2),
      ratio_cpu:
        bareFigure.process_cpu_ms === null || serviceFigure.process_cpu_ms === null
          ? null
          : rounded(serviceFigure.process_cpu_ms / bareFigure.process_cpu_ms, 2),
    };
  } finally {
    for (const platform of opened.reverse()) await platform.close();
  }
}

class Starts {
  readonly #platform: Platform;
  readonly #shot: Shot;
  readonly #ms: number[] = [];
  readonly #cpu_ms: number[] = [];

  constructor(platform: Platform, shot: Shot) {
    this.#platform = platform;
    this.#shot = shot;
  }

  /** Stops workerd, starts it and waits for an answer. */
  async again(): Promise<void> {
    const { runtime, url, admin_key } = this.#platform;
    let others: number[] = [];
    let began_ms = 0;
    await runtime.exclusively(async () => {
      others = workerdPids();
      began_ms = performance.now();
    });
    const gun = createGun(url, admin_key);
    await gun.fire(this.#shot);
    this.#ms.push(performance.now() - began_ms);
    gun.close();
    const cpu_ms = processCpu_ms(workerdPids().find((pid) => !others.includes(pid)) ?? null);
    if (cpu_ms !== null) this.#cpu_ms.push(cpu_ms);
  }

  figure(): z.infer<typeof figure> {
    return {
      p50_ms: rounded(percentile(this.#ms, 0.5), 0),
      process_cpu_ms: this.#cpu_ms.length === 0 ? null : percentile(this.#cpu_ms, 0.5),
    };
  }
}
