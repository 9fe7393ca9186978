/** The Node end of `intake-worker.js`: each line goes to whoever keeps or watches it. */
import type { Registry, ScriptRecord } from "../registry.ts";
import type { AnalyticsPoints } from "./analytics-points.ts";
import type { KeptLine, LogStore } from "./log-store.ts";
import type { Logpush } from "./logpush.ts";
import type { TailSessions } from "./tail-sessions.ts";
import type { TraceHead, TraceLine } from "./trace.ts";

interface IntakeDeps {
  registry: Registry;
  logs: LogStore;
  tails: TailSessions;
  logpush: Logpush;
  points: AnalyticsPoints;
  now: () => number;
  random: () => number;
}

export class TelemetryIntake {
  readonly #deps: IntakeDeps;

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
  }

  /** Answers the Worker's batches. */
  readonly handle = async (request: Request): Promise<Response> => {
    this.take(await request.text());
    return new Response(null, { status: 204 });
  };

  /** Takes a batch: lines of a head, a tab, and a trace or a data point. */
  take(batch: string): void {
    if (batch === "") return;
    const { registry, logs, tails, logpush, points, now } = this.#deps;
    const all = batch.split("\n").map(parseLine);
    const lines = all.filter(isTrace);
    const scripts = new Map(registry.list("script").map((script) => [script.id, script]));
    const offset_ms = now() - Date.now();
    points.add(
      all.flatMap(({ head, text }) =>
        "dataset" in head ? [{ ...head, at_ms: head.at_ms + offset_ms, point: JSON.parse(text) }] : [],
      ),
    );
    logs.add(
      lines.flatMap((line) => this.#kept(line, scripts.get(line.head.script_name))),
      offset_ms,
    );
    for (const line of lines) tails.tell(line, offset_ms);
    logpush.take(
      lines.filter(({ head }) => scripts.get(head.script_name)?.settings.logpush === true),
      offset_ms,
    );
  }

  /** What the script's settings of observability want kept. */
  #kept(line: TraceLine, script: ScriptRecord | undefined): KeptLine[] {
    const { enabled, head_sampling_rate, logs } = (script?.settings.observability ?? {}) as ObservabilitySettings;
    if (!(logs?.enabled ?? enabled)) return [];
    const rate = logs?.head_sampling_rate ?? head_sampling_rate ?? 1;
    if (rate < 1 && this.#deps.random() >= rate) return [];
    return [{ ...line, invocation_logs: logs?.invocation_logs ?? true }];
  }
}

interface ObservabilitySettings {
  enabled?: boolean;
  head_sampling_rate?: number | null;
  logs?: { enabled?: boolean; invocation_logs?: boolean; head_sampling_rate?: number | null } | null;
}

/** Stands before a data point of Analytics Engine. */
interface PointHead {
  dataset: string;
  at_ms: number;
}
interface Line {
  head: TraceHead | PointHead;
  text: string;
}

function parseLine(line: string): Line {
  const tab = line.indexOf("\t");
  return { head: JSON.parse(line.slice(0, tab)), text: line.slice(tab + 1) };
}

function isTrace(line: Line): line is TraceLine {
  return "script_name" in line.head;
}
