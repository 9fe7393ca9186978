/** What the limits of the local platform promise about each other and about the Worker's. */
import { expect, test } from "vitest";
import * as cloudflare from "../infra/cloudflare-limits.ts";
import * as worker from "../worker/limits.ts";
import * as local from "./limits.ts";

/** `&quot;` is the longest escape of a character of one byte. */
const XML_BYTES_PER_BYTE = 6;

const relations: [rule: string, smaller: number, larger: number][] = [
  ["a switch that drains holds nobody too long", local.PROXY_DRAIN_MAX_MS, local.PROXY_HOLD_MAX_MS],
  ["a switch lets the meter hear of what was answered last", worker.METER_FLUSH_MS, local.WAIT_UNTIL_MS],
  ["a platform that stops can drain first", local.PROXY_DRAIN_MAX_MS, local.STOP_MAX_MS],
  [
    "the Worker's largest body is half of what is buffered",
    2 * worker.BATCH_BODY_BYTES_MAX,
    local.PROXY_BODY_BUFFER_BYTES,
  ],
  ["a model has the time that the Worker gives it", worker.AI_GENERATE_TIMEOUT_MS, local.AI_UPSTREAM_TIMEOUT_MS],
  ["a job is polled before it cancels itself", 2 * local.D1_POLL_WAIT_MS, local.D1_JOB_UNPOLLED_MAX_MS],
  [
    "a restore's budget is smaller than its window",
    cloudflare.TIME_TRAVEL_RESTORE_WINDOW_MS,
    cloudflare.TIME_TRAVEL_WINDOW_MS,
  ],
  ["Vectorize gives fewer with values", cloudflare.VECTORIZE_TOP_K_WITH_VALUES_MAX, cloudflare.VECTORIZE_TOP_K_MAX],
  ["Vectorize's default is allowed", cloudflare.VECTORIZE_TOP_K_DEFAULT, cloudflare.VECTORIZE_TOP_K_WITH_VALUES_MAX],
  [
    "Vectorize's page by default is allowed",
    cloudflare.VECTORIZE_LIST_PAGE_DEFAULT,
    cloudflare.VECTORIZE_LIST_PAGE_MAX,
  ],
  [
    "a Worker sends Vectorize less than HTTP does",
    cloudflare.VECTORIZE_BATCH_WORKER_MAX,
    cloudflare.VECTORIZE_BATCH_HTTP_MAX,
  ],
  ["a mutation is applied in slices", local.VECTORIZE_APPLY_SLICE, cloudflare.VECTORIZE_BATCH_HTTP_MAX],
  ["a part of R2 is an upload", cloudflare.R2_PART_MIN_BYTES, cloudflare.R2_UPLOAD_MAX_BYTES],
  [
    "the longest keys of one call fit its XML",
    cloudflare.R2_KEYS_PER_CALL_MAX * cloudflare.R2_KEY_MAX_BYTES * XML_BYTES_PER_BYTE,
    local.S3_XML_BODY_MAX_BYTES,
  ],
  ["KV's largest value fits a bulk write", cloudflare.KV_VALUE_BYTES_MAX, cloudflare.KV_BULK_WRITE_BYTES_MAX],
  ["KV's pages have a smallest size", cloudflare.KV_LIST_KEYS_MIN, cloudflare.KV_LIST_KEYS_MAX],
  ["a message fits a batch", cloudflare.QUEUE_MESSAGE_BYTES_MAX, cloudflare.QUEUE_BATCH_BYTES_MAX],
  [
    "a queue's default batch is allowed",
    cloudflare.QUEUE_CONSUMER_DEFAULTS.batch_size,
    cloudflare.QUEUE_BATCH_MESSAGES_MAX,
  ],
  ["a queue keeps messages for its minimum", cloudflare.QUEUE_RETENTION_S.min, cloudflare.QUEUE_RETENTION_S.default],
  ["a queue keeps messages to its maximum", cloudflare.QUEUE_RETENTION_S.default, cloudflare.QUEUE_RETENTION_S.max],
  ["a delayed message is kept until it is due", cloudflare.QUEUE_DELAY_MAX_S, cloudflare.QUEUE_RETENTION_S.default],
  ["a pulled message is hidden by default", cloudflare.QUEUE_VISIBILITY_MS.default, cloudflare.QUEUE_VISIBILITY_MS.max],
  [
    "the broker looks within a consumer's waiting time",
    local.QUEUE_TICK_MS,
    cloudflare.QUEUE_CONSUMER_DEFAULTS.max_wait_time_ms,
  ],
];

test.each(relations)("%s", (_, smaller, larger) => {
  expect(smaller).toBeLessThanOrEqual(larger);
});
