/** Traces as workerd would tell them, for tests of what is made of them. */
import type { Trace, TraceLine } from "./trace.ts";

let made = 0;

/** A request of 12 ms that logged nothing, unless told otherwise. */
export function trace(changes: Partial<Trace> = {}): Trace {
  const { begun_ms = Date.now() } = changes;
  made += 1;
  return {
    script_name: "prism",
    version_id: "a1b2",
    begun_ms,
    ended_ms: begun_ms + 12,
    id: made.toString(16).padStart(16, "0"),
    outcome: "ok",
    executionModel: "stateless",
    truncated: false,
    logs: [],
    exceptions: [],
    diagnosticsChannelEvents: [],
    event: {
      request: { url: "https://prism.test/api/v1/search?limit=3", method: "POST", headers: { "x-team": "blue" } },
      response: { status: 200 },
    },
    ...changes,
  };
}

/** One line in the console of a trace that began at `timestamp`. */
export function logged(message: unknown, level = "log", timestamp = Date.now()): Trace["logs"][number] {
  return { level, message: [message], timestamp };
}

/** As the intake splits them. */
export function line({ script_name, version_id, begun_ms, ended_ms, ...rest }: Trace): TraceLine {
  const head = { script_name, version_id, begun_ms, ended_ms };
  return { head, text: JSON.stringify({ ...head, ...rest }) };
}
