/** What middleware leaves for routes: one type, so that every route sees the same request. */
import type { Env } from "./env.ts";
import type { Principal } from "./ground/principal.ts";
import type { Credential, Proof } from "./security/credential.ts";
import type { CacheLayer } from "./store/answer-cache.ts";
import type { HeldKey } from "./store/idempotency.ts";
import type { Timings } from "./telemetry/timings.ts";
import type { Usage } from "./telemetry/usage.ts";

export interface Variables {
  request_id: string;
  trace_id: string;
  timings: Timings;
  /** What the request consumed: routes fill it in, the log line and the meter read it. */
  usage: Usage;
  /** What the request presents, and its proof if this isolate has one. */
  credential: { presented: Credential | "malformed" | null; proof: Proof | null };
  /** Set by `authenticate`; absent on open routes. */
  principal: Principal;
  /** The Idempotency-Key that the request holds; absent without one. */
  idempotency: HeldKey;
  /** Set when the write was deferred: its answer is kept with it. */
  deferred: true;
  /** The body as received, set for routes with a JSON body. */
  body_text: string;
  /** Shown to debug keys as `X-Cache-Status`. */
  cache_status: "miss" | "bypass" | CacheLayer;
}

export type App = { Bindings: Env; Variables: Variables };
