import fc from "fast-check";
import { expect, test } from "vitest";
import { API_REQUESTS_PER_WINDOW, API_WINDOW_MS } from "../../infra/cloudflare-limits.ts";
import { type Clock, RequestBudget } from "./request-budget.ts";

const { signal } = new AbortController();

/** Time that passes only by sleeping. */
function simulated(): Clock & { pass(ms: number): void } {
  let now_ms = 0;
  return {
    now: () => now_ms,
    sleep: async (ms) => {
      now_ms += ms;
    },
    pass(ms) {
      now_ms += ms;
    },
  };
}

test("no five minutes hold more requests than Cloudflare allows, whatever the pauses between them", async () => {
  const pauses = fc.array(fc.record({ requests: fc.integer({ min: 1, max: 900 }), pause_ms: fc.nat(400_000) }), {
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(pauses, async (bursts) => {
      const clock = simulated();
      const budget = new RequestBudget(clock);
      const sent_ms: number[] = [];
      for (const { requests, pause_ms } of bursts) {
        for (let i = 0; i < requests; i += 1) {
          await budget.take(signal);
          sent_ms.push(clock.now());
        }
        clock.pass(pause_ms);
      }
      sent_ms.forEach((at_ms, index) => {
        const before_ms = sent_ms[index - API_REQUESTS_PER_WINDOW];
        if (before_ms !== undefined) expect(at_ms - before_ms).toBeGreaterThan(API_WINDOW_MS);
      });
    }),
    { numRuns: 25 },
  );
});

test("a budget tells beforehand how long it will take", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(2_000), fc.integer({ min: 1, max: 3_000 }), async (spent, more) => {
      const clock = simulated();
      const budget = new RequestBudget(clock);
      for (let i = 0; i < spent; i += 1) await budget.take(signal);
      const start_ms = clock.now();
      const predicted_ms = budget.wait_ms(more);
      for (let i = 0; i < more; i += 1) await budget.take(signal);
      expect(clock.now() - start_ms).toBe(predicted_ms);
      expect(budget.admitted).toBe(spent + more);
    }),
    { numRuns: 25 },
  );
});

test("after a refusal nobody sends before its time, and the window begins anew", async () => {
  const clock = simulated();
  const budget = new RequestBudget(clock);
  budget.block(300_000);
  expect(budget.wait_ms(1)).toBe(300_000);
  for (let i = 0; i < API_REQUESTS_PER_WINDOW; i += 1) await budget.take(signal);
  expect(clock.now()).toBe(300_000);
  await budget.take(signal);
  expect(clock.now()).toBeGreaterThan(600_000);
});

test("waiting ends with its signal", async () => {
  const budget = new RequestBudget();
  budget.block(60_000);
  await expect(budget.take(AbortSignal.timeout(1))).rejects.toThrow();
});
