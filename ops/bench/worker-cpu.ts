/**
 * CPU time of one Worker's isolate, for comparison with Cloudflare's limit of CPU milliseconds a request.
 *
 * V8's sampling profiler, over workerd's inspector, looks at the isolate every `SAMPLE_EVERY_US`. It gets a sample only
 * while a thread is inside the isolate: waiting takes none, nor does what runs elsewhere, such as D1's SQLite (an
 * isolate of its own) and workerd's HTTP, which Cloudflare does not charge to the Worker either. Counted are
 * - JavaScript,
 * - `(garbage collector)`: V8's work for our garbage on the Worker's thread, though not that of its helper threads,
 * - `(program)`: inside the isolate but in no JavaScript function, that is native code called by it (JSON, crypto,
 *   streams, RPC) and loops that V8 has just replaced by faster code;
 * not `(idle)`, which V8 says where the isolate is held without running anything. Durable Objects of the Worker's own
 * script live in its isolate, so the meter's SQLite is counted: the figure errs upwards there.
 *
 * The times in a profile are wall-clock and contain all waiting, and samples get lost, the more the busier the
 * machine and the shorter the work. So samples are weighed instead: a Worker that only computes runs under the same
 * profiler, in bursts as short as those between two awaits of a search, and the CPU time that the operating system
 * reports for workerd's thread, divided by the samples, is what one sample stands for.
 *
 * Checked by requests that compute for 1 to 13 ms: 0.9 to 1.4 of the truth on a machine with a core to spare, 0.6 to
 * 0.9 with several times as much to do as cores. `process_cpu_ms` of the bench is the bound that holds anyway.
 */
import { z } from "zod";
import { OpsError } from "../command/errors.ts";
import type { Rig } from "../service/rig.ts";
import { fireInTurn, type Gun, mainThreadCpu_ms, type Shot } from "./measure.ts";

/** V8 manages about one in 140 µs. */
const SAMPLE_EVERY_US = 50;
/** A weighing compares so many requests that compute for a millisecond or two with as many empty ones. */
const WEIGHED_REQUESTS = 80;
const WEIGHED_STEPS = 1_000_000;

const Profile = z.object({
  nodes: z.array(z.object({ id: z.number(), callFrame: z.object({ functionName: z.string() }) })),
  samples: z.array(z.number()),
});
const Answer = z.object({
  id: z.number(),
  result: z.object({ profile: Profile.optional() }).optional(),
  error: z.object({ message: z.string() }).optional(),
});

export interface WorkerCpu {
  /** Samples of the Worker's isolate while `work` ran; `worker` is a peer's name, without it the service. */
  samples(work: () => Promise<unknown>, worker?: string): Promise<number>;
  /** Weighs samples once more; best between the measurements, since the weight changes with the machine's load. */
  weigh(): Promise<void>;
  /** CPU milliseconds that a sample stands for, by all weighings so far. Needs one. */
  msPerSample(): number;
  close(): void;
}

/**
 * Reloads a rig, which has the peer `spin`, with its inspector open: caches and compiled code of its Workers are gone
 * then, and latencies are no longer to be measured. Null, and nothing done, where /proc is absent.
 */
export async function openWorkerCpu({ platform }: Rig, gun: Gun): Promise<WorkerCpu | null> {
  if (platform.workerdPid() === null) return null;
  await platform.runtime.openInspector();
  const pid = platform.workerdPid() ?? 0;
  const sessions = new Map<string | undefined, Promise<Session>>();
  let weighed_ms = 0;
  let weighed_samples = 0;
  const samples: WorkerCpu["samples"] = async (work, worker) => {
    const session = sessions.get(worker) ?? platform.runtime.inspectorUrl(worker).then(openSession);
    sessions.set(worker, session);
    const { call } = await session;
    await call("Profiler.start");
    await work();
    const { profile } = (await call("Profiler.stop")) ?? {};
    if (profile === undefined) throw refused("the inspector gave no profile");
    return busySamples(profile);
  };
  const spin = async (steps: number) => {
    const shots = Array<Shot>(WEIGHED_REQUESTS).fill({ method: "GET", path: `/__peer/spin/?steps=${steps}` });
    let os_ms = 0;
    const taken = await samples(async () => {
      const before_ms = mainThreadCpu_ms(pid) ?? 0;
      await fireInTurn(gun, shots);
      os_ms = (mainThreadCpu_ms(pid) ?? 0) - before_ms;
    }, "spin");
    return { os_ms, taken };
  };
  return {
    samples,
    async weigh() {
      const loaded = await spin(WEIGHED_STEPS);
      const empty = await spin(0);
      weighed_ms += loaded.os_ms - empty.os_ms;
      weighed_samples += loaded.taken - empty.taken;
    },
    msPerSample: () => weighed_ms / weighed_samples,
    close() {
      for (const session of sessions.values())
        session.then(
          ({ close }) => close(),
          () => {},
        );
    },
  };
}

/** Samples in which the isolate's thread worked; see the head of this file. */
export function busySamples({ nodes, samples }: z.infer<typeof Profile>): number {
  const idle = new Set(nodes.filter(({ callFrame }) => callFrame.functionName === "(idle)").map(({ id }) => id));
  return samples.filter((node) => !idle.has(node)).length;
}

interface Session {
  /** One command of the Chrome DevTools protocol. */
  call(method: string, params?: object): Promise<z.infer<typeof Answer>["result"]>;
  close(): void;
}

async function openSession(url: URL): Promise<Session> {
  const socket = new WebSocket(url);
  const waiting = new Map<number, PromiseWithResolvers<z.infer<typeof Answer>["result"]>>();
  const opened = Promise.withResolvers<void>();
  socket.addEventListener("open", () => opened.resolve());
  socket.addEventListener("close", () => {
    opened.reject(refused("it closed the connection"));
    for (const { reject } of waiting.values()) reject(refused("it closed the connection"));
  });
  socket.addEventListener("message", ({ data }) => {
    // Besides answers there are events, which have no id.
    const { success, data: answer } = Answer.safeParse(JSON.parse(String(data)));
    if (!success) return;
    const call = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (answer.error) call?.reject(refused(answer.error.message));
    else call?.resolve(answer.result);
  });
  await opened.promise;
  let calls = 0;
  const session: Session = {
    call(method, params = {}) {
      calls += 1;
      const call = Promise.withResolvers<z.infer<typeof Answer>["result"]>();
      waiting.set(calls, call);
      socket.send(JSON.stringify({ id: calls, method, params }));
      return call.promise;
    },
    close: () => socket.close(),
  };
  await session.call("Profiler.enable");
  await session.call("Profiler.setSamplingInterval", { interval: SAMPLE_EVERY_US });
  return session;
}

function refused(cause: string): OpsError {
  return new OpsError({
    op: "profile",
    subject: "workerd's inspector",
    cause,
    hint: "run the bench again; if it stays, see whether this version of workerd has an inspector",
  });
}
