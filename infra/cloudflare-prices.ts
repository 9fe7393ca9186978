/**
 * Cloudflare's list prices on the paid plan in USD, what a month includes, and where each is written. Read in November 2026: who plans by
 * them reads them again.
 */

/** A price beyond what a month includes: `usd` for each `per` of the unit. */
export interface Price {
  included: number;
  per: number;
  usd: number;
}

/** https://developers.cloudflare.com/workers/platform/pricing/ */
export const PAID_PLAN_USD = 5;

export const PRICES = {
  /** https://developers.cloudflare.com/workers/platform/pricing/ */
  requests: { included: 10e6, per: 1e6, usd: 0.3 },
  cpu_ms: { included: 30e6, per: 1e6, usd: 0.02 },
  /** https://developers.cloudflare.com/d1/platform/pricing/ */
  d1_rows_read: { included: 25e9, per: 1e6, usd: 0.001 },
  d1_rows_written: { included: 50e6, per: 1e6, usd: 1 },
  d1_bytes: { included: 5e9, per: 1e9, usd: 0.75 },
  /** Of the vectors queried, and once a month of those stored. https://developers.cloudflare.com/vectorize/platform/pricing/ */
  vectorize_queried_dimensions: { included: 50e6, per: 1e6, usd: 0.01 },
  vectorize_stored_dimensions: { included: 10e6, per: 100e6, usd: 0.05 },
  /** https://developers.cloudflare.com/r2/pricing/ */
  r2_bytes: { included: 10e9, per: 1e9, usd: 0.015 },
  /** https://developers.cloudflare.com/queues/platform/pricing/ */
  queue_operations: { included: 1e6, per: 1e6, usd: 0.4 },
  /** https://developers.cloudflare.com/durable-objects/platform/pricing/ */
  object_requests: { included: 1e6, per: 1e6, usd: 0.15 },
  /** 10 000 a day are free. https://developers.cloudflare.com/workers-ai/platform/pricing/ */
  neurons: { included: 300e3, per: 1e3, usd: 0.011 },
} as const satisfies Record<string, Price>;
