/** What the limits of the Worker promise about each other and about Cloudflare's. */
import { expect, test } from "vitest";
import * as cloudflare from "../infra/cloudflare-limits.ts";
import { QUEUES } from "../infra/inventory.ts";
import * as infra from "../infra/limits.ts";
import * as worker from "./limits.ts";

/** Tokens that bge models read of a text. */
const MODEL_TOKENS = 512;
/** Subrequests of one invocation on the free plan. https://developers.cloudflare.com/workers/platform/limits/ */
const SUBREQUESTS_MAX = 50;
/** UTF-8 of one UTF-16 code unit takes at most so many bytes. */
const BYTES_PER_CHAR_MAX = 3;

/** The last retry of an ingest message comes so long after its first try. */
const retries_s = Array.from({ length: QUEUES.ingest.consumer.max_retries }, (_, index) =>
  Math.min(worker.RETRY_BACKOFF_BASE_S * 2 ** index, worker.RETRY_BACKOFF_MAX_S),
).reduce((sum, delay_s) => sum + delay_s);

const relations: [rule: string, smaller: number, larger: number][] = [
  ["a chunk takes in what follows until it nears its target", worker.CHUNK_MIN_TOKENS, worker.CHUNK_TARGET_TOKENS],
  ["a chunk closes before it is too long", worker.CHUNK_TARGET_TOKENS, worker.CHUNK_MAX_TOKENS],
  ["the model reads a whole chunk, with room for its title", worker.CHUNK_MAX_TOKENS + 1, MODEL_TOKENS],
  ["a pack's vectors fit an index", worker.PACK_DIMENSIONS_MAX, infra.DIMENSIONS_MAX],

  ["results by default are allowed", worker.SEARCH_TOP_K_DEFAULT, worker.SEARCH_TOP_K_MAX],
  ["a chat's results by default are allowed", worker.CHAT_TOP_K_DEFAULT, worker.SEARCH_TOP_K_MAX],
  ["the largest page can be reached", worker.SEARCH_TOP_K_MAX, worker.SEARCH_DEPTH_MAX],
  ["Vectorize returns as deep as a search can page", worker.SEARCH_DEPTH_MAX, cloudflare.VECTORIZE_TOP_K_MAX],
  ["what is read again was found", worker.RERANK_DEPTH, worker.RESCORE_DEPTH],
  ["what is reordered can be paged to", worker.RESCORE_DEPTH, worker.SEARCH_DEPTH_MAX],
  ["Vectorize takes a filter", worker.FILTER_BYTES_MAX, cloudflare.VECTORIZE_FILTER_BYTES_MAX],
  ["a context by default is allowed", worker.CONTEXT_TOKENS_MIN, worker.CONTEXT_TOKENS_DEFAULT],
  ["a context by default is allowed from above", worker.CONTEXT_TOKENS_DEFAULT, worker.CONTEXT_TOKENS_MAX],

  ["a key is refreshed before it is asked for", worker.KEY_REFRESH_AFTER_MS + 1, worker.KEY_CACHE_MS],
  ["revocation acts within 10 s", worker.KEY_CACHE_MS, 10_000],
  ["a new key works no later than an old one ends", worker.KEY_ABSENT_CACHE_MS, worker.KEY_CACHE_MS],
  ["a failing database is asked again before a key is given up", worker.KEY_RETRY_AFTER_MS, worker.KEY_STALE_MAX_MS],
  ["a tenant is a namespace of Vectorize", worker.TENANT_CHARS_MAX, cloudflare.VECTORIZE_NAMESPACE_BYTES_MAX],
  ["pages of keys by default are allowed", worker.KEY_PAGE_DEFAULT, worker.KEY_PAGE_MAX],

  ["a document fits a body", worker.DOCUMENT_TEXT_CHARS_MAX, worker.BODY_BYTES_MAX],
  ["a batch's body may be larger than others", worker.BODY_BYTES_MAX, worker.BATCH_BODY_BYTES_MAX],
  ["a body has room for a whole outline", worker.OUTLINE_ENTRIES_MAX, worker.JSON_ITEMS_MAX],
  ["an outline's lines and symbols are not too many", 3 * worker.OUTLINE_ENTRIES_MAX + 100, worker.JSON_VALUES_MAX],
  [
    "a batch's fields and metadata are not too many",
    worker.BATCH_DOCUMENTS_MAX * (worker.METADATA_FIELDS_MAX + 10),
    worker.JSON_VALUES_MAX,
  ],
  ["a refused body is read to its end where it was close", worker.BATCH_BODY_BYTES_MAX, worker.DISCARD_BYTES_MAX],
  ["a batch has room for a part", worker.PART_DOCUMENTS_MAX, worker.BATCH_DOCUMENTS_MAX],
  ["lists by default are allowed", worker.LIST_LIMIT_DEFAULT, worker.LIST_LIMIT_MAX],
  ["Vectorize takes a document's metadata", worker.METADATA_BYTES_MAX, cloudflare.VECTORIZE_METADATA_BYTES_MAX],
  [
    "D1 takes bulk rows in one parameter",
    BYTES_PER_CHAR_MAX * worker.BULK_JSON_CHARS_MAX,
    cloudflare.D1_VALUE_BYTES_MAX,
  ],
  [
    "D1 takes a chunk with all that was left out of its text",
    worker.DATA_BYTES_MAX + 100 * worker.CHUNK_MAX_TOKENS,
    cloudflare.D1_VALUE_BYTES_MAX,
  ],
  [
    "D1 keeps an idempotent request's answer",
    BYTES_PER_CHAR_MAX * worker.IDEMPOTENCY_ANSWER_CHARS_MAX,
    cloudflare.D1_VALUE_BYTES_MAX,
  ],
  [
    "a request that waits for its embedding still holds its Idempotency-Key",
    worker.AI_EMBED_TIMEOUT_MS + worker.VECTORIZE_TIMEOUT_MS,
    worker.IDEMPOTENCY_RESERVATION_MS,
  ],
  ["a reservation ends before its answer", worker.IDEMPOTENCY_RESERVATION_MS, worker.IDEMPOTENCY_LIFETIME_MS],
  ["Workers AI takes a call's texts", worker.EMBEDDING_TEXTS_PER_CALL_MAX, cloudflare.AI_TEXTS_PER_CALL_MAX],
  ["Vectorize takes a call's vectors", worker.VECTORIZE_UPSERT_VECTORS_MAX, cloudflare.VECTORIZE_BATCH_WORKER_MAX],
  ["Vectorize takes a call's ids", worker.VECTORIZE_DELETE_IDS_MAX, cloudflare.VECTORIZE_DELETE_IDS_MAX],

  ["Queues take the longest delay", worker.RETRY_BACKOFF_MAX_S, cloudflare.QUEUE_DELAY_MAX_S],
  ["retries back off from the first", worker.RETRY_BACKOFF_BASE_S, worker.RETRY_BACKOFF_MAX_S],
  ["work is not sent again while its message is retried", 1000 * retries_s + 1, worker.OVERDUE_AFTER_MS],
  ["a caller is told to wait longer than a message", worker.FENCE_RETRY_S, worker.FENCE_RETRY_AFTER_S],
  ["packs outlive what Time Travel can bring back", cloudflare.TIME_TRAVEL_WINDOW_MS, worker.PACK_RETENTION_MS],
  [
    "an audit entry is tried for within the queries of a request, and its caller's",
    2 * worker.AUDIT_APPEND_TRIES_MAX + 10,
    SUBREQUESTS_MAX,
  ],
  ["reports that waited are read, taken and removed in one run", 5 * worker.WAITING_PER_RUN_MAX + 1, SUBREQUESTS_MAX],
  [
    "audit entries leave the database long after they were archived",
    24 * worker.AUDIT_ANCHOR_AFTER_MS,
    worker.AUDIT_KEPT_MS,
  ],
  ["a whole segment is verified in one call", worker.AUDIT_SEGMENT_ENTRIES_MAX, worker.AUDIT_VERIFIED_PER_CALL],
  ["a daily run may delete its packs", 2 * worker.PACKS_COLLECTED_MAX, SUBREQUESTS_MAX],

  ["both questions of a check end within its limit", 2 * worker.DEEP_CHECK_STEP_MS, worker.DEEP_CHECK_LIMIT_MS - 500],
  ["a check is slow before it is given up", worker.DEEP_CHECK_SLOW_MS + 1, worker.DEEP_CHECK_LIMIT_MS],
  ["KV is written to four times an hour at most", 3_600_000 / worker.KV_PROBE_EVERY_MS, 4],
  ["Vectorize gives the vectors that are sampled", worker.PARITY_VECTORS_MAX, cloudflare.VECTORIZE_GET_IDS_MAX],
  [
    "vectors settle before a missing one is told as owed too long",
    worker.VECTORIZE_SETTLING_MS,
    worker.OVERDUE_AFTER_MS,
  ],
  ["what searches still wait for is not down", worker.HEALTH_CHECK_TIMEOUT_MS, worker.HEALTH_VECTORIZE_TIMEOUT_MS],
  ["nobody waits for what is down", worker.HEALTH_VECTORIZE_TIMEOUT_MS, worker.VECTORIZE_TIMEOUT_MS],
  ["alerts hear of a dependency that hangs", worker.HEALTH_VECTORIZE_TIMEOUT_MS + 1, worker.ALERT_SOURCE_TIMEOUT_MS],
  ["the watchdog hears of one, too", worker.HEALTH_VECTORIZE_TIMEOUT_MS + 1, worker.WATCHDOG_TIMEOUT_MS],
  [
    "a message waits for its retry before the queue is stuck",
    1000 * worker.RETRY_BACKOFF_MAX_S,
    worker.QUEUE_STUCK_AFTER_MS,
  ],
  [
    "the meter knows the cron runs that are looked for",
    worker.CRON_STOPPED_AFTER_MS / 60_000,
    worker.METER_MINUTES_KEPT,
  ],
  ["the meter knows the days that a forecast is made of", worker.FORECAST_DAYS + 1, worker.METER_RETENTION_DAYS],

  ["an answer fits the memory for answers", worker.CACHE_ENTRY_CHARS_MAX, worker.CACHE_MEMORY_CHARS_MAX],
  [
    "an answer made while vectors settle is not kept longer",
    worker.CACHE_SETTLING_LIFETIME_MS,
    worker.VECTORIZE_SETTLING_MS,
  ],
  ["vectors settle within an answer's life", worker.VECTORIZE_SETTLING_MS, 1000 * worker.CACHE_LIFETIME_S],
];

test.each(relations)("%s", (_, smaller, larger) => {
  expect(smaller).toBeLessThanOrEqual(larger);
});

test("filters compare as much of a string as Vectorize indexes", () => {
  expect(worker.FILTER_STRING_BYTES_MAX).toBe(cloudflare.VECTORIZE_INDEXED_STRING_BYTES_MAX);
});
