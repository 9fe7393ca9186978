/** What the limits of ops promise about each other, about the Worker's, and about Cloudflare's. */
import { expect, test } from "vitest";
import * as cloudflare from "../infra/cloudflare-limits.ts";
import * as infra from "../infra/limits.ts";
import * as worker from "../worker/limits.ts";
import * as ops from "./limits.ts";

const relations: [rule: string, smaller: number, larger: number][] = [
  ["three renewals fit into one lease", 3 * ops.LEASE_RENEW_EVERY_MS, ops.LEASE_TTL_MS],
  [
    "a renewal that runs into its time limit leaves time for another",
    2 * ops.LEASE_RENEW_EVERY_MS + ops.STORAGE_TIMEOUT_MS,
    ops.LEASE_TTL_MS,
  ],
  ["a job's time is the grace that its start is given", ops.JOB_TIME_LIMIT_MAX_S, worker.HEARTBEAT_GRACE_MAX_S],
  ["a dead process's lease ends long before what it left is removed", ops.LEASE_TTL_MS, ops.UNREFERENCED_KEEP_MS],
  ["a part of the largest size is let through", ops.PART_BYTES_MAX, ops.PARTS_IN_FLIGHT_BYTES],
  ["a checkpoint is worth several parts", ops.PART_BYTES_MAX, ops.CHECKPOINT_BYTES],
  ["rows are cut around their mean", ops.ROWS_PART_BYTES_MIN, ops.ROWS_PART_BYTES_MEAN],
  ["rows are cut around their mean from above", ops.ROWS_PART_BYTES_MEAN, ops.ROWS_PART_BYTES_MAX],
  ["a part of rows fits", ops.ROWS_PART_BYTES_MAX, ops.PART_BYTES_MAX],
  ["a part of a layer fits", ops.LAYER_PART_BYTES, ops.PART_BYTES_MAX],
  ["a bundle of objects fits", ops.BUNDLE_BYTES, ops.PART_BYTES_MAX],
  ["a vector pack fits", worker.PACK_BYTES_MAX, ops.PART_BYTES_MAX],
  ["changed rows become a layer only when they fill a part", ops.LAYER_PART_BYTES, ops.PENDING_BYTES_MAX],
  ["packs outlive the generation that may be live again", ops.UNDO_WINDOW_MS, worker.PACK_RETENTION_MS],

  ["the Worker takes a batch of this many documents", ops.BATCH_DOCUMENTS, worker.BATCH_DOCUMENTS_MAX],
  ["the Worker takes a batch of this size", ops.BATCH_BYTES, worker.BATCH_BODY_BYTES_MAX],
  ["the Worker takes an indexed file as one document", ops.INDEX_FILE_BYTES_MAX, worker.DOCUMENT_TEXT_CHARS_MAX],
  ["… with every byte escaped (\\u0000)", 6 * ops.INDEX_FILE_BYTES_MAX, worker.BATCH_BODY_BYTES_MAX],
  ["the Worker lists this many documents at once", ops.INDEX_LIST_PAGE, worker.LIST_LIMIT_MAX],
  ["a revoked key is forgotten while that is waited for", worker.KEY_CACHE_MS + 1, ops.REVOCATION_WAIT_MS],
  ["a secret made by bootstrap is long enough", infra.SECRET_CHARACTERS_MIN, ops.SECRET_BYTES],
  ["a new token is not warned about", infra.TOKEN_EXPIRY_WARNING_DAYS + 1, ops.TOKEN_DAYS],

  ["one block by Cloudflare is sat out", cloudflare.API_WINDOW_MS + ops.API_WINDOW_MARGIN_MS, ops.API_PATIENCE_MS],
  ["a second block is not", ops.API_PATIENCE_MS, 2 * cloudflare.API_WINDOW_MS],
  ["a result has room for what goes with its columns", ops.D1_COLUMNS_PER_RESULT, ops.D1_COLUMNS_MAX],
  ["a call has room for the format of its types", ops.D1_TYPES_PER_CALL + 1, cloudflare.D1_FUNCTION_ARGUMENTS_MAX],
  ["a cell that is read with others, in hex, is half of a value", 4 * ops.D1_CELL_BYTES_MAX, ops.D1_VALUE_BYTES_MAX],
  ["a cell may be left out before it must be", ops.D1_CELL_BYTES_MIN, ops.D1_CELL_BYTES_MAX],
  ["pages grow from the first", ops.D1_PAGE_ROWS_FIRST, ops.D1_PAGE_ROWS_MAX],
  ["D1 takes the parameter of a bulk write", ops.D1_PARAMETER_BYTES, cloudflare.D1_VALUE_BYTES_MAX],
  ["D1 takes a value", ops.D1_VALUE_BYTES_MAX, cloudflare.D1_VALUE_BYTES_MAX],
  ["R2 lists this many objects at once", ops.STORAGE_PAGE, cloudflare.R2_KEYS_PER_CALL_MAX],
  ["KV takes a bulk write", ops.KV_BULK_KEYS_MAX, cloudflare.KV_BULK_WRITE_KEYS_MAX],
  ["KV takes the shortest expiry", cloudflare.KV_TTL_MIN_S, ops.KV_EXPIRY_MIN_S],
  ["Vectorize takes an upload's vectors", ops.VECTOR_UPLOAD_VECTORS, cloudflare.VECTORIZE_BATCH_HTTP_MAX],
  ["Vectorize takes an upload's bytes", ops.VECTOR_UPLOAD_BYTES, cloudflare.VECTORIZE_UPLOAD_BYTES_MAX],
  ["Vectorize gives this many vectors", ops.VECTOR_GET_IDS, cloudflare.VECTORIZE_GET_IDS_MAX],
  ["Vectorize deletes this many vectors", ops.VECTOR_DELETE_IDS, cloudflare.VECTORIZE_DELETE_IDS_MAX],
  ["Vectorize lists this many vectors", ops.VECTOR_LIST_PAGE, cloudflare.VECTORIZE_LIST_PAGE_MAX],
  ["Queues take a push", ops.QUEUE_PUSH_MESSAGES, cloudflare.QUEUE_BATCH_MESSAGES_MAX],
];

test.each(relations)("%s", (_, smaller, larger) => {
  expect(smaller).toBeLessThanOrEqual(larger);
});

test("a promotion grows, and ends with all of the traffic", () => {
  expect(ops.PROMOTION_PERCENT).toEqual([...new Set(ops.PROMOTION_PERCENT)].toSorted((one, other) => one - other));
  expect(ops.PROMOTION_PERCENT.at(-1)).toBe(100);
});
