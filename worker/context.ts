/** What middleware leaves for routes: one type, so that every route sees the same request. */
import type { Env } from "./env.ts";
import type { Principal } from "./security/principal.ts";
import type { Timings } from "./telemetry/timings.ts";

export interface Variables {
  request_id: string;
  trace_id: string;
  /** Set by `authenticate`; absent on open routes without credentials. */
  principal: Principal;
  timings: Timings;
}

export type App = { Bindings: Env; Variables: Variables };
