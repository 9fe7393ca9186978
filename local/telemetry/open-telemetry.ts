/** What is kept and told of the Workers' invocations, put together. */
import type { Registry } from "../registry.ts";
import type { Runtime } from "../runtime.ts";
import type { Credentials } from "../s3/sigv4.ts";
import type { DataFolder } from "../state.ts";
import { AnalyticsPoints } from "./analytics-points.ts";
import { TelemetryIntake } from "./intake.ts";
import { LogStore } from "./log-store.ts";
import { Logpush } from "./logpush.ts";
import { TailSessions } from "./tail-sessions.ts";

interface TelemetryDeps {
  folder: DataFolder;
  registry: Registry;
  account_id: string;
  plan: "free" | "paid";
  now: () => number;
  /** As soon as it runs. */
  runtime: Promise<Runtime>;
  /** R2's, of every token that is valid now. */
  credentials: () => readonly Credentials[];
}

export interface Telemetry {
  /** Hears what workerd tells of invocations. */
  intake: TelemetryIntake;
  logs: LogStore;
  tails: TailSessions;
  logpush: Logpush;
  points: AnalyticsPoints;
  /** Takes what workerd has not told yet, and pushes it, while workerd runs. */
  finish(): Promise<void>;
  /** Call it after workerd has stopped. */
  close(): void;
}

export function openTelemetry(deps: TelemetryDeps): Telemetry {
  const { folder, registry, now, runtime } = deps;
  const logs = new LogStore(folder.file("logs.sqlite"), deps);
  const tails = new TailSessions(now, Math.random);
  const engine = { registry, now, r2: async (bucket: string) => (await runtime).r2(bucket) };
  const logpush = new Logpush({ engine, credentials: deps.credentials, random: Math.random });
  const points = new AnalyticsPoints(folder.file("analytics.sqlite"), now);
  const intake = new TelemetryIntake({ registry, logs, tails, logpush, points, now, random: Math.random });
  return {
    intake,
    logs,
    tails,
    logpush,
    points,
    finish: async () => {
      await (await runtime).flushTelemetry();
      await logpush.close();
    },
    close: () => {
      logs.close();
      points.close();
    },
  };
}
