import { expect, test } from "vitest";
import { API_REQUESTS_PER_WINDOW } from "../../infra/cloudflare-limits.ts";
import { restoreCost } from "./cost.ts";

const size = (chunks: number) => ({
  tables: [
    { name: "documents", rows: chunks / 10, bytes: chunks * 30, indexes: 1 },
    { name: "chunks", rows: chunks, bytes: chunks * 900, indexes: 2 },
  ],
  definitions: 6,
  vectors: chunks,
  dimensions: 384,
  objects: chunks / 1000,
  config_keys: 10,
  is_local: false,
});

test("a million vectors need more requests than two windows of Cloudflare's budget admit, and the plan says how long that takes", () => {
  const { requests, duration_s, rows_written, free_days } = restoreCost(size(1_000_000));
  expect(requests).toBeGreaterThan(1_800);
  expect(requests).toBeLessThan(3_600);
  expect(duration_s).toBeGreaterThanOrEqual(Math.floor(requests / 1200) * 300);
  expect(rows_written).toBe(3_200_000);
  expect(free_days).toBe(32);
});

test("a restore that fits into the budget takes as long as its bytes", () => {
  const { requests, duration_s, free_days } = restoreCost(size(10_000));
  expect(requests).toBeLessThan(API_REQUESTS_PER_WINDOW);
  expect(duration_s).toBeLessThan(60);
  expect(free_days).toBe(1);
});
