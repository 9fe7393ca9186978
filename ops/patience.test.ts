import { expect, test } from "vitest";
import { OpsError } from "./command/errors.ts";
import { patiently, type RetryPolicy, retryAfter_ms } from "./patience.ts";

const failure = (retry_after_ms?: number) =>
  new OpsError({ op: "ask", subject: "it", cause: "busy", hint: "wait" }, { retry_after_ms });

/** Fails with each of these in turn, then answers; `waits` are what was slept, without any sleep. */
function rig(failures: unknown[], over: Partial<RetryPolicy> = {}) {
  const waits: number[] = [];
  const answer = patiently(
    async () => {
      if (failures.length > 0) throw failures.shift();
      return "done";
    },
    {
      signal: new AbortController().signal,
      mayPass: () => true,
      retries_max: 3,
      pause_ms: () => 100,
      wait_max_ms: 1_000,
      sleep: async (ms) => {
        waits.push(ms);
      },
      ...over,
    },
  );
  return { answer, waits };
}

test("a failure that may pass is outlasted, with pauses that double and are spread", async () => {
  const { answer, waits } = rig([failure(), failure(), failure()]);
  expect(await answer).toBe("done");
  for (const [retry, wait_ms] of waits.entries()) {
    expect(wait_ms).toBeGreaterThanOrEqual(50 * 2 ** retry);
    expect(wait_ms).toBeLessThanOrEqual(100 * 2 ** retry);
  }
  expect(waits).toHaveLength(3);
});

test("the other side's own wish is waited out to the millisecond, and not beyond the limit", async () => {
  const { answer, waits } = rig([failure(1_000)]);
  expect([await answer, waits]).toEqual(["done", [1_000]]);
  const long = rig([failure(1_001)]);
  await expect(long.answer).rejects.toThrow("busy");
  expect(long.waits).toEqual([]);
});

test("the sum of all waits has a limit, too", async () => {
  const { answer, waits } = rig([failure(600), failure(600), failure(600)], { waits_max_ms: 1_500 });
  await expect(answer).rejects.toThrow("busy");
  expect(waits).toEqual([600, 600]);
});

test("patience ends after so many tries, with the last failure", async () => {
  const last = failure();
  const { answer, waits } = rig([failure(), failure(), failure(), last, failure()]);
  await expect(answer).rejects.toBe(last);
  expect(waits).toHaveLength(3);
});

test("what cannot pass is not repeated, nor is a defect", async () => {
  for (const over of [
    { failures: [failure()], mayPass: () => false },
    { failures: [new TypeError("x is undefined")] },
  ]) {
    const { answer, waits } = rig(over.failures, over);
    await expect(answer).rejects.toThrow();
    expect(waits).toEqual([]);
  }
});

test("whoever is told of a retry hears of it before the wait; the signal's end ends everything", async () => {
  const ending = new AbortController();
  const told: [string, number][] = [];
  const { answer, waits } = rig([failure(5), failure(5), failure(5)], {
    signal: ending.signal,
    on_retry: (error, wait_ms) => {
      told.push([error.parts.cause, wait_ms]);
      if (told.length === 2) ending.abort();
    },
  });
  await expect(answer).rejects.toThrow("busy");
  expect([told.length, waits]).toEqual([2, [5, 5]]);
  const waiting = rig([failure(60_000)], { signal: AbortSignal.timeout(1), wait_max_ms: 60_000, sleep: undefined });
  await expect(waiting.answer).rejects.toMatchObject({ name: "AbortError" });
});

test("Retry-After is read as seconds and as a date", () => {
  expect(retryAfter_ms("3")).toBe(3000);
  expect(retryAfter_ms("Thu, 01 Jan 2026 00:00:10 GMT", Date.parse("2026-01-01T00:00:00Z"))).toBe(10_000);
  expect(retryAfter_ms("Thu, 01 Jan 2026 00:00:00 GMT", Date.parse("2026-01-02T00:00:00Z"))).toBe(0);
  expect(retryAfter_ms(null)).toBeUndefined();
  expect(retryAfter_ms("soon")).toBeUndefined();
});
