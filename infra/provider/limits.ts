/** How long the provider waits, for whom, and how often it asks again. Vectorize's own limits: `infra/cloudflare-limits.ts`. */

/** One answer of Cloudflare's API. */
export const API_TIMEOUT_MS = 30_000;
/** Cloudflare blocks a user for five minutes once the budget is spent: one such block is sat out, a second is not. */
export const RATE_LIMIT_WAIT_MAX_MS = 330_000;
/** When a 429 carries no `Retry-After`. */
export const RATE_LIMIT_WAIT_DEFAULT_MS = 5_000;
/** Tries of a request that failed on the way or on Cloudflare's side; the pause doubles from the first one on. */
export const TRIES_MAX = 4;
export const FIRST_PAUSE_MS = 250;
/** Metadata indexes become visible within seconds; a resource's `customTimeouts` override this. */
export const VISIBLE_WAIT_MAX_MS = 120_000;
export const VISIBLE_POLL_MS = { first: 50, max: 2_000 } as const;
