import fc from "fast-check";
import { expect, test } from "vitest";
import { PAID_PLAN_USD } from "../../infra/cloudflare-prices.ts";
import { PER_CHUNK_MEASURED, SEARCH_ROWS_READ_LARGE, SEARCH_ROWS_READ_MAX } from "../limits.ts";
import { costToFill, monthlyCost } from "./cost.ts";

const ONE = { shards: 1, dimensions: 384 };
const amount = fc.integer({ min: 0, max: 200_000_000 });
const traffic = fc.record({ searches: amount, answers: amount, chunks_written: amount });
const total = (lines: ReturnType<typeof monthlyCost>) => lines.reduce((sum, { usd }) => sum + usd, 0);

test("whatever a month includes costs the plan's price and no more", () => {
  const lines = monthlyCost(
    { ...ONE, chunks: 1_000 },
    { searches: 1_000, answers: 100, chunks_written: 100 },
    PER_CHUNK_MEASURED,
  );
  expect(total(lines)).toBe(PAID_PLAN_USD);
});

test("more chunks and more traffic never cost less", () => {
  fc.assert(
    fc.property(amount, amount, traffic, traffic, (chunks, more, asked, added) => {
      const both = {
        searches: asked.searches + added.searches,
        answers: asked.answers + added.answers,
        chunks_written: asked.chunks_written + added.chunks_written,
      };
      const less = total(monthlyCost({ ...ONE, chunks }, asked, PER_CHUNK_MEASURED));
      expect(total(monthlyCost({ ...ONE, chunks: chunks + more }, both, PER_CHUNK_MEASURED))).toBeGreaterThanOrEqual(
        less - 1e-6,
      );
    }),
  );
});

test("Vectorize's own example costs what Cloudflare says of it", () => {
  // 10 000 vectors of 768 dimensions, 30 000 queries a month, what is included taken off: all of it is.
  const lines = monthlyCost(
    { shards: 1, chunks: 10_000, dimensions: 768 },
    { searches: 30_000, answers: 0, chunks_written: 0 },
    PER_CHUNK_MEASURED,
  );
  const of = (what: string) => lines.find((line) => line.what === what);
  expect(of("vectorize_queried_dimensions")).toMatchObject({ amount: 30_720_000, usd: 0 });
  expect(of("vectorize_stored_dimensions")).toMatchObject({ amount: 7_680_000, usd: 0 });
  expect(costToFill(0, PER_CHUNK_MEASURED)).toBe(0);
});

test("a large shard costs as many rows a search as one of a million chunks, and no more than full text may read", () => {
  const of = (chunks: number) =>
    monthlyCost({ ...ONE, chunks }, { searches: 1_000, answers: 0, chunks_written: 0 }, PER_CHUNK_MEASURED).find(
      ({ what }) => what === "d1_rows_read",
    )?.amount;
  expect(of(1_000)).toBe(1_000 * 1_000 * PER_CHUNK_MEASURED.rows_read_per_search);
  expect(of(100_000_000)).toBe(1_000 * SEARCH_ROWS_READ_LARGE);
  expect(SEARCH_ROWS_READ_LARGE).toBeLessThanOrEqual(SEARCH_ROWS_READ_MAX);
});
