/** What the Worker and its meter say to each other. */

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

/** The meter as the Worker calls it. */
export interface MeterCalls extends Rpc.DurableObjectBranded {
  record(samples: Sample[]): Record<string, number>;
}
