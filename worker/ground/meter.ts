/** What the Worker and its meter say to each other. */
import type { Tally } from "./tally.ts";

/** The cron task whose runs tell that the Worker's checks run: the meter has it as `cron/<name>`. */
export const PULSE_TASK = "resend-overdue";

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
  /** Who asked: the key, or a session of it. Empty where there was no valid credential. */
  users: string[];
  /** The key has a daily quota, so the caller wants to know how much of it is used. */
  has_quota: boolean;
}

export const OUTCOMES = ["done", "refused", "waits", "failed"] as const;

/** Units of work of one sort: each field is of a fixed set. */
export interface Series {
  kind: "request" | "message" | "task";
  /** The route as declared, `queue/<type of message>`, `cron/<task>`. */
  endpoint: string;
  /** Empty for what is no request; 0 is the status of such. */
  method: string;
  status_code: number;
  outcome: (typeof OUTCOMES)[number];
}

/** What some units of work of one sort add up to. */
export interface SeriesTally {
  series: Series;
  tally: Tally;
}

export interface HourTally {
  hour: number;
  tally: Tally;
}

/** What all requests of some minutes add up to; `failed` counts those of them that the service failed. */
export interface StepTally {
  /** The first of them, since the epoch. */
  minute: number;
  tally: Tally;
}

/** A statement of D1, or a batch of them, that took longer than it should. */
export interface SlowStatement {
  /** Without literals. */
  statement: string;
  plan: string;
  times: number;
  max_ms: number;
  last_at_ms: number;
}

/** In one minute since the epoch. */
export interface UnitSample extends SeriesTally {
  minute: number;
}

/** Something that only one caller may do in a while: whether it is this one, and how the last one ended. */
export interface Turn {
  granted: boolean;
  /** Null before the first. `error` is null where it went well. */
  last: { at_ms: number; ended: boolean; error: string | null } | null;
}

/** What the requests of one key add up to. */
export interface KeyTally {
  key_id: string;
  requests: number;
  errors: number;
}

/** The meter as the Worker calls it. */
export interface MeterCalls extends Rpc.DurableObjectBranded {
  record(samples: Sample[], units: UnitSample[]): Record<string, number>;
  readSteps(from_minute: number, to_minute: number, step_minutes: number): StepTally[];
  read(from_minute: number, to_minute: number): SeriesTally[];
  readLifetime(): SeriesTally[];
  /** What all series add up to by the hour (since the epoch), of these names; of those series that are as wanted. */
  readHours(
    names: string[],
    from_minute: number,
    to_minute: number,
    wanted?: Partial<Pick<Series, "kind" | "outcome">>,
  ): HourTally[];
  /** How many users were seen on a day (since the epoch), and how many of them for the first time. */
  users(day: number): { active: number; new: number };
  /** Writes, reads back, and tells the minute of the oldest sample: 0 when it is older than the meter tells apart, null when there is none. */
  probe(now_ms: number): { first_minute: number | null };
  /** Takes a turn, if the last one began `every_ms` ago or earlier. */
  takeTurn(name: string, now_ms: number, every_ms: number): Turn;
  addSlow(statement: SlowStatement): void;
  /** Slowest first. */
  slow(): SlowStatement[];
  endTurn(name: string, error: string | null): void;
  readErrors(from_minute: number, to_minute: number): Record<string, number>;
  countKeys(from_minute: number, to_minute: number): number;
  readKeys(from_minute: number, to_minute: number): KeyTally[];
  /** Days (since the epoch) of each key's last use; what was before `since_day` nobody noted. */
  keyUse(): { since_day: number | null; last_days: Record<string, number> };
}
