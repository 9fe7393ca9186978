/** Cloudflare's limits, each with its source: the program keeps them, ops budgets by them, and the platform on this machine enforces them. */

import type { Plan } from "./limits.ts";

/** Workers AI embeds at most this many texts in one call. https://developers.cloudflare.com/workers-ai/models/bge-small-en-v1.5/ */
export const AI_TEXTS_PER_CALL_MAX = 100;

// Cloudflare's API. https://developers.cloudflare.com/fundamentals/api/reference/limits/
export const API_REQUESTS_PER_WINDOW = 1200;
export const API_WINDOW_MS = 300_000;

// D1. https://developers.cloudflare.com/d1/platform/limits/ (statement length, columns, compound terms, LIKE: workerd)
export const D1_PARAMETERS_MAX = 100;
export const D1_VALUE_BYTES_MAX = 2_000_000;
export const D1_FUNCTION_ARGUMENTS_MAX = 32;
export const D1_IMPORT_BYTES_MAX = 256_000_000;

// Time Travel. https://developers.cloudflare.com/d1/reference/time-travel/
export const TIME_TRAVEL_WINDOW_MS = 7 * 86_400_000;
export const TIME_TRAVEL_RESTORES_PER_WINDOW = 10;
export const TIME_TRAVEL_RESTORE_WINDOW_MS = 600_000;

/** Of all databases of an account on the paid plan, and how many databases a Worker can be bound to. */
export const D1_ACCOUNT_BYTES_MAX = 1e12;
export const D1_BINDINGS_MAX = 5_000;

// Vectorize: https://developers.cloudflare.com/vectorize/platform/limits/ unless a line says otherwise.
export const VECTORIZE_DIMENSIONS_MAX = 1536;
/** Vectors of one index. */
export const VECTORIZE_VECTORS_MAX = 10_000_000;
export const VECTORIZE_INDEX_NAME_BYTES_MAX = 64;
export const VECTORIZE_ID_BYTES_MAX = 64;
export const VECTORIZE_NAMESPACE_BYTES_MAX = 64;
export const VECTORIZE_METADATA_BYTES_MAX = 10 * 1024;
export const VECTORIZE_METADATA_INDEXES_MAX = 10;
export const VECTORIZE_INDEXED_STRING_BYTES_MAX = 64;
export const VECTORIZE_TOP_K_MAX = 100;
/** With values or all metadata returned. Documented as 20; the API's own message says 50 (code 40025). */
export const VECTORIZE_TOP_K_WITH_VALUES_MAX = 50;
export const VECTORIZE_TOP_K_DEFAULT = 5;
/** Code 40007, "too many ids in payload". */
export const VECTORIZE_GET_IDS_MAX = 20;
/** Code 40007 as well; not in the documentation, but what the API answers. */
export const VECTORIZE_DELETE_IDS_MAX = 100;
export const VECTORIZE_LIST_PAGE_MAX = 1000;
export const VECTORIZE_LIST_PAGE_DEFAULT = 100;
export const VECTORIZE_BATCH_HTTP_MAX = 5000;
export const VECTORIZE_BATCH_WORKER_MAX = 1000;
export const VECTORIZE_UPLOAD_BYTES_MAX = 100 * 1024 * 1024;
/** Compact JSON of a filter stays below this. https://developers.cloudflare.com/vectorize/reference/metadata-filtering/ */
export const VECTORIZE_FILTER_BYTES_MAX = 2048;
export const VECTORIZE_KEY_CHARS_MAX = 512;

// R2's S3 API. https://developers.cloudflare.com/r2/platform/limits/
export const R2_KEY_MAX_BYTES = 1024;
export const R2_METADATA_MAX_BYTES = 8192;
/** One PutObject or one part; R2 states 5 GiB and means 5 MiB less. */
export const R2_UPLOAD_MAX_BYTES = 5 * 1024 ** 3 - 5 * 1024 ** 2;
export const R2_PARTS_MAX = 10_000;
/** Of every part but the last, and all of those must be of one size. */
export const R2_PART_MIN_BYTES = 5 * 1024 ** 2;
/** Keys of one list page, and of one DeleteObjects. */
export const R2_KEYS_PER_CALL_MAX = 1000;

// KV. https://developers.cloudflare.com/kv/platform/limits/
export const KV_VALUE_BYTES_MAX = 25 * 1024 * 1024;
export const KV_KEY_BYTES_MAX = 512;
export const KV_METADATA_BYTES_MAX = 1024;
export const KV_TTL_MIN_S = 60;
export const KV_LIST_KEYS_MAX = 1000;
export const KV_LIST_KEYS_MIN = 10;
export const KV_BULK_GET_KEYS_MAX = 100;
export const KV_BULK_WRITE_KEYS_MAX = 10_000;
export const KV_BULK_WRITE_BYTES_MAX = 100 * 1024 * 1024;

// R2 management. https://developers.cloudflare.com/r2/buckets/bucket-locks/
export const R2_LOCK_RULES_MAX = 1000;
export const R2_LIFECYCLE_RULES_MAX = 1000;

const MONTH_DAYS = 30;
/**
 * What a plan allows a UTC day, for the whole account. Beyond it the free plan refuses; the paid one, which includes so much a month and
 * is counted by the day's share of it, begins to cost. https://developers.cloudflare.com/workers/platform/pricing/ and
 * …/d1/platform/pricing/, …/kv/platform/pricing/, …/workers-ai/platform/pricing/
 */
export const ALLOWANCES_PER_DAY = {
  free: {
    requests: 100_000,
    d1_rows_read: 5_000_000,
    d1_rows_written: 100_000,
    kv_reads: 100_000,
    kv_writes: 1_000,
    neurons: 10_000,
  },
  paid: {
    requests: Math.floor(10_000_000 / MONTH_DAYS),
    d1_rows_read: Math.floor(25_000_000_000 / MONTH_DAYS),
    d1_rows_written: Math.floor(50_000_000 / MONTH_DAYS),
    kv_reads: Math.floor(10_000_000 / MONTH_DAYS),
    kv_writes: Math.floor(1_000_000 / MONTH_DAYS),
    neurons: 10_000,
  },
} as const satisfies Record<Plan, Record<string, number>>;
export type Allowed = keyof (typeof ALLOWANCES_PER_DAY)["free"];

// What a plan stores: a database of D1, and what Vectorize includes. https://developers.cloudflare.com/d1/platform/limits/ and
// …/vectorize/platform/pricing/
export const STORES = {
  free: { d1_bytes: 500_000_000, vectorize_dimensions: 5_000_000 },
  paid: { d1_bytes: 10_000_000_000, vectorize_dimensions: 10_000_000 },
} as const satisfies Record<Plan, Record<string, number>>;

// Workers, free plan. https://developers.cloudflare.com/workers/platform/limits/
export const BUNDLE_COMPRESSED_BYTES_MAX = 3 * 1024 * 1024;
/** A deployment splits traffic between at most this many versions. */
export const VERSIONS_PER_DEPLOYMENT_MAX = 2;

// Queues. https://developers.cloudflare.com/queues/platform/limits/ and …/configuration/configure-queues/
export const QUEUE_MESSAGES_PER_S_MAX = 5_000;
export const QUEUE_MESSAGE_BYTES_MAX = 128_000;
export const QUEUE_BATCH_MESSAGES_MAX = 100;
export const QUEUE_BATCH_BYTES_MAX = 256_000;
export const QUEUE_DELAY_MAX_S = 86_400;
export const QUEUE_RETENTION_S = { default: 345_600, min: 60, max: 1_209_600 } as const;
export const QUEUE_CONSUMER_DEFAULTS = { batch_size: 10, max_wait_time_ms: 5000, max_retries: 3 } as const;
export const QUEUE_VISIBILITY_MS = { default: 30_000, max: 43_200_000 } as const;
/** How long an invocation for a batch, or for a cron expression, may take by the wall. https://developers.cloudflare.com/queues/platform/limits/ */
export const EVENT_WALL_MAX_MS = 900_000;

/** Requests that one Durable Object takes, about. https://developers.cloudflare.com/durable-objects/platform/limits/ */
export const OBJECT_REQUESTS_PER_S_MAX = 1_000;

// Workers Logs. https://developers.cloudflare.com/workers/observability/logs/workers-logs/#limits
export const LOG_RETENTION_MS = { free: 3 * 86_400_000, paid: 7 * 86_400_000 } as const;
/** Beyond the free allowance. https://developers.cloudflare.com/workers-ai/platform/pricing/ */
export const USD_PER_1000_NEURONS = 0.011;
/** Of tokens that `@cf/baai/bge-small-en-v1.5` embeds. https://developers.cloudflare.com/workers-ai/platform/pricing/ */
export const NEURONS_PER_MILLION_EMBEDDED_TOKENS = 1841;
/** Of a record that Logpush writes, in exceptions and lines together. https://developers.cloudflare.com/workers/observability/logs/logpush/#limits */
export const LOGPUSH_TRACE_CHARS_MAX = 16_384;

// Analytics Engine. https://developers.cloudflare.com/analytics/analytics-engine/limits/
export const ANALYTICS_RETENTION_MS = 92 * 86_400_000;
/** Blobs of a data point, and doubles. */
export const ANALYTICS_COLUMNS_MAX = 20;
