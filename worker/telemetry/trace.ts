/** W3C trace context: https://www.w3.org/TR/trace-context/. Invalid headers are ignored, as the specification asks. */
import { hex } from "../ground/digest.ts";

export interface Trace {
  /** 32 hex digits, the caller's when it sent a valid `traceparent`. */
  trace_id: string;
  /** 16 hex digits naming this request's part of the trace. */
  span_id: string;
  /** The caller asked for the trace to be recorded. */
  sampled: boolean;
}

const TRACEPARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;

/** The trace a request belongs to: the caller's, or a new one. `random` holds 24 random bytes. */
export function traceOf(traceparent: string | null, random: Uint8Array): Trace {
  const fresh = hex(random);
  const span_id = fresh.slice(0, 16);
  const [, version, trace_id, parent_id, flags, rest] = TRACEPARENT.exec(traceparent ?? "") ?? [];
  const valid =
    version !== undefined &&
    version !== "ff" &&
    // Version 00 ends after the flags; later ones may add fields.
    (version !== "00" || rest === undefined) &&
    !/^0+$/.test(trace_id ?? "0") &&
    !/^0+$/.test(parent_id ?? "0");
  if (!valid || trace_id === undefined) return { trace_id: fresh.slice(16, 48), span_id, sampled: false };
  return { trace_id, span_id, sampled: (Number.parseInt(flags ?? "0", 16) & 1) === 1 };
}

/** The `traceparent` that hands a trace on. */
export function formatTraceparent(trace: Trace): string {
  return `00-${trace.trace_id}-${trace.span_id}-${trace.sampled ? "01" : "00"}`;
}
