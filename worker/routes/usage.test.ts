/** `/api/v1/usage/summary` and the forecasts, held against what was done. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ALLOWANCES_PER_DAY } from "../../infra/cloudflare-limits.ts";
import { usageSummary } from "../schemas/usage.ts";
import { type Service, startService } from "../service.fixture.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

let service: Service;
beforeAll(async () => {
  service = await startService({ faults: true });
  await toHour(9);
});
afterAll(() => service.close());

function plan() {
  if (!service.platform.faults) throw new Error("the platform runs without the shim");
  return service.platform.faults;
}
/** Moves the clock to this hour (UTC) of the next day. */
async function toHour(hour: number) {
  const next_ms = (Math.floor(plan().now() / DAY_MS) + 1) * DAY_MS + hour * HOUR_MS;
  plan().clock_offset_ms += next_ms - plan().now();
}
const summary = async () => (await service.call("GET", "/api/v1/usage/summary")).json;
const ask = (key: string, session?: string) =>
  service.call(
    "POST",
    "/api/v1/chat",
    { message: "What does the weevil eat?", ...(session ? { session } : {}) },
    { key },
  );

test("a day's users, answers, tokens, price and ratings are told, and a user of yesterday is not new today", async () => {
  await service.call("PUT", "/api/v1/documents/weevil", { text: "The granary weevil eats stored grain." });
  const [one, two] = [await service.key({ scopes: ["chat"] }), await service.key({ scopes: ["chat"] })];
  const { json: answer } = await ask(one);
  for (const session of ["s1", "s2", "s1"]) await ask(two, session);
  await service.call("GET", "/api/v1/documents", undefined, { key: null });
  for (const [request_id, rating] of [
    ["a", 5],
    ["b", 2],
  ] as const)
    await service.call("POST", "/api/v1/feedback", { request_id: `request-${request_id}`, rating }, { key: one });
  const { usage, model } = answer;
  const told = await vi.waitFor(
    async () => {
      const json = usageSummary.parse(await summary());
      // Two keys, one of them in two sessions; the admin's; and the secret that made keys yesterday as well.
      expect(json.users).toEqual({ active: 5, new: 4 });
      expect(json.requests.by_model).toEqual({ [model]: 4 });
      return json;
    },
    { timeout: 30_000, interval: 200 },
  );
  expect(told.date).toBe(new Date(plan().now()).toISOString().slice(0, 10));
  expect(told.tokens).toMatchObject({ input: usage.tokens_in, output: usage.tokens_out, saved: usage.tokens_saved });
  expect(told.cost.estimated_usd).toBeCloseTo(usage.cost_usd, 12);
  expect(told.cost.free_tier_remaining.neurons).toBeCloseTo(ALLOWANCES_PER_DAY.free.neurons - usage.neurons, 6);
  expect(told.cost.free_tier_runs_out_at.neurons).toBeNull();
  expect(told.quality).toEqual({ rating_mean: 3.5, ratings: 2 });

  await toHour(10);
  await ask(one);
  await vi.waitFor(async () => expect((await summary()).users).toEqual({ active: 2, new: 0 }), {
    timeout: 30_000,
    interval: 200,
  });
  expect((await summary()).quality).toEqual({ rating_mean: null, ratings: 0 });
});

test("it is the operator's", async () => {
  const statuses = [null, await service.key({ scopes: ["metrics"] })].map(
    async (key) => (await service.call("GET", "/api/v1/usage/summary", undefined, { key })).status,
  );
  expect(await Promise.all(statuses)).toEqual([401, 403]);
});
