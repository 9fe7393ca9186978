/** What the Worker and its meter say to each other. */
import type { Tally } from "./tally.ts";

/** What some requests of one key in one minute add up to. */
export interface Sample {
  /** Minutes since the epoch. */
  minute: number;
  /** `anonymous` for requests without a valid credential. */
  key_id: string;
  requests: number;
  /** Requests that the service failed (status 5xx): refusing a wrong request is success. */
  errors: number;
  tokens_in: number;
  tokens_out: number;
  tokens_saved: number;
  neurons: number;
  /** The key has a daily quota, so the caller wants to know how much of it is used. */
  has_quota: boolean;
}

/** Units of work of one sort: each field is of a fixed set. */
export interface Series {
  kind: "request" | "message" | "task";
  /** The route as declared, `queue/<type of message>`, `cron/<task>`. */
  endpoint: string;
  /** Empty for what is no request; 0 is the status of such. */
  method: string;
  status_code: number;
  outcome: "done" | "refused" | "waits" | "failed";
}

/** What some units of work of one sort add up to. */
export interface SeriesTally {
  series: Series;
  tally: Tally;
}

/** What all requests of some minutes add up to; `failed` counts those of them that the service failed. */
export interface StepTally {
  /** The first of them, since the epoch. */
  minute: number;
  tally: Tally;
}

/** In one minute since the epoch. */
export interface UnitSample extends SeriesTally {
  minute: number;
}

/** The meter as the Worker calls it. */
export interface MeterCalls extends Rpc.DurableObjectBranded {
  record(samples: Sample[], units: UnitSample[]): Record<string, number>;
  readSteps(from_minute: number, to_minute: number, step_minutes: number): StepTally[];
  read(from_minute: number, to_minute: number): SeriesTally[];
  readLifetime(): SeriesTally[];
}
