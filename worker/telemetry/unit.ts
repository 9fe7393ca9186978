/** A unit of work as telemetry sees it; `work.ts` makes them. */
import type { Env } from "../env.ts";
import type { Series } from "../ground/meter.ts";
import type { Principal } from "../ground/principal.ts";
import type { Timings } from "./timings.ts";
import type { Trace } from "./trace.ts";
import type { Usage } from "./usage.ts";

export type UnitKind = Series["kind"];

export interface Unit {
  readonly kind: UnitKind;
  readonly env: Env;
  readonly request_id: string;
  readonly trace: Trace;
  readonly ray_id: string | undefined;
  readonly colo: string | undefined;
  readonly principal: Principal | null;
  readonly timings: Timings;
  readonly usage: Usage;
  readonly cache_status: string | null;
}

/** How a unit of work ended. */
export interface Ending {
  /** What it was, of a fixed set: the route as declared, `queue/<type of message>`, `cron/<task>`. Never a path as sent. */
  endpoint: string;
  /** `refused`: the caller was wrong. `waits`: it met a write fence or an open circuit and will be done later. */
  outcome: Series["outcome"];
  /** A refusal that an operator wants to see. */
  notable?: boolean;
  error?: unknown;
  /** One of HTTP's, or `other`. */
  method?: string;
  status_code?: number;
  /** Which try of a message this was. */
  attempts?: number;
  /** What an anonymous caller's requests are counted by: the address. */
  address?: string;
}
