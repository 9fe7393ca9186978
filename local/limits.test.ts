/** What the limits of the local platform promise about each other and about the Worker's. */
import { expect, test } from "vitest";
import * as worker from "../worker/limits.ts";
import * as local from "./limits.ts";

/** `&quot;` is the longest escape of a character of one byte. */
const XML_BYTES_PER_BYTE = 6;

const relations: [rule: string, smaller: number, larger: number][] = [
  ["a switch that drains holds nobody too long", local.PROXY_DRAIN_MAX_MS, local.PROXY_HOLD_MAX_MS],
  ["a platform that stops can drain first", local.PROXY_DRAIN_MAX_MS, local.STOP_MAX_MS],
  [
    "the Worker's largest body is half of what is buffered",
    2 * worker.BATCH_BODY_BYTES_MAX,
    local.PROXY_BODY_BUFFER_BYTES,
  ],
  ["a model has the time that the Worker gives it", worker.AI_GENERATE_TIMEOUT_MS, local.AI_UPSTREAM_TIMEOUT_MS],
  ["a job is polled before it cancels itself", 2 * local.D1_POLL_WAIT_MS, local.D1_JOB_UNPOLLED_MAX_MS],
  ["a restore's budget is smaller than its window", local.TIME_TRAVEL_RESTORE_WINDOW_MS, local.TIME_TRAVEL_WINDOW_MS],
  ["Vectorize gives fewer with values", local.VECTORIZE_TOP_K_WITH_VALUES_MAX, local.VECTORIZE_TOP_K_MAX],
  ["Vectorize's default is allowed", local.VECTORIZE_TOP_K_DEFAULT, local.VECTORIZE_TOP_K_WITH_VALUES_MAX],
  ["Vectorize's page by default is allowed", local.VECTORIZE_LIST_PAGE_DEFAULT, local.VECTORIZE_LIST_PAGE_MAX],
  ["a Worker sends Vectorize less than HTTP does", local.VECTORIZE_BATCH_WORKER_MAX, local.VECTORIZE_BATCH_HTTP_MAX],
  ["a mutation is applied in slices", local.VECTORIZE_APPLY_SLICE, local.VECTORIZE_BATCH_HTTP_MAX],
  ["a part of R2 is an upload", local.R2_PART_MIN_BYTES, local.R2_UPLOAD_MAX_BYTES],
  [
    "the longest keys of one call fit its XML",
    local.R2_KEYS_PER_CALL_MAX * local.R2_KEY_MAX_BYTES * XML_BYTES_PER_BYTE,
    local.S3_XML_BODY_MAX_BYTES,
  ],
  ["KV's largest value fits a bulk write", local.KV_VALUE_BYTES_MAX, local.KV_BULK_WRITE_BYTES_MAX],
  ["KV's pages have a smallest size", local.KV_LIST_KEYS_MIN, local.KV_LIST_KEYS_MAX],
  ["a message fits a batch", local.QUEUE_MESSAGE_BYTES_MAX, local.QUEUE_BATCH_BYTES_MAX],
  ["a queue's default batch is allowed", local.QUEUE_CONSUMER_DEFAULTS.batch_size, local.QUEUE_BATCH_MESSAGES_MAX],
  ["a queue keeps messages for its minimum", local.QUEUE_RETENTION_S.min, local.QUEUE_RETENTION_S.default],
  ["a queue keeps messages to its maximum", local.QUEUE_RETENTION_S.default, local.QUEUE_RETENTION_S.max],
  ["a delayed message is kept until it is due", local.QUEUE_DELAY_MAX_S, local.QUEUE_RETENTION_S.default],
  ["a pulled message is hidden by default", local.QUEUE_VISIBILITY_MS.default, local.QUEUE_VISIBILITY_MS.max],
  [
    "the broker looks within a consumer's waiting time",
    local.QUEUE_TICK_MS,
    local.QUEUE_CONSUMER_DEFAULTS.max_wait_time_ms,
  ],
];

test.each(relations)("%s", (_, smaller, larger) => {
  expect(smaller).toBeLessThanOrEqual(larger);
});
