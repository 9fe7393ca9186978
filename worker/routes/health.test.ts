import { afterAll, beforeAll, expect, test } from "vitest";
import { BREAKER_FAILURES_TO_OPEN, HEALTH_CACHE_MS, HEALTH_CHECK_TIMEOUT_MS } from "../limits.ts";
import { type Service, startService } from "../service.fixture.ts";

let service: Service;
beforeAll(async () => {
  service = await startService({ faults: true });
});
afterAll(() => service.close());

function faults() {
  if (!service.platform.faults) throw new Error("the platform runs without the shim");
  return service.platform.faults;
}
const open = (path: string) => service.call("GET", path, undefined, { key: null });

test("anyone may ask, under every name it has, and a healthy service says so in the old system's shape", async () => {
  for (const path of ["/health", "/api/v1/health"]) {
    const { status, json } = await open(path);
    expect(status).toBe(200);
    expect(json).toEqual({
      status: "healthy",
      version: expect.any(String),
      timestamp: expect.stringMatching(/Z$/),
      uptime: expect.any(Number),
      services: {
        database: { status: "healthy", latency_ms: expect.any(Number) },
        vectorize: { status: "healthy", index_size: expect.any(Number), dimensions: 384 },
        kv: { status: "healthy", hit_rate: expect.any(Number) },
        ai: { status: "healthy", model: expect.stringMatching(/^@cf\//) },
      },
      alerts: { status: "healthy", evaluated_at: expect.stringMatching(/Z$/) },
    });
  }
  for (const path of ["/health/live", "/livez"]) expect((await open(path)).status).toBe(200);
  for (const path of ["/health/ready", "/readyz"]) {
    const checks = { database: "pass", vectorize: "pass", kv: "pass", ai: "pass" };
    expect([(await open(path)).status, (await open(path)).json]).toEqual([200, { ready: true, checks }]);
  }
});

test("one inspection serves everybody for some seconds", async () => {
  const first = (await open("/health")).json.timestamp;
  const others = await Promise.all(Array.from({ length: 10 }, () => open("/api/v1/health")));
  expect(new Set(others.map(({ json }) => json.timestamp))).toEqual(new Set([first]));
  faults().clock_offset_ms += HEALTH_CACHE_MS + 1;
  expect((await open("/health")).json.timestamp).not.toBe(first);
});

test("a dependency that hangs is down after the check's patience, Vectorize after that of searches, and what has a fallback does not stop readiness", async () => {
  faults().clock_offset_ms += HEALTH_CACHE_MS + 1;
  faults().rules = [{ binding: "VECTORIZE", method: "describe", delay_ms: HEALTH_CHECK_TIMEOUT_MS + 200 }];
  expect((await open("/health")).json.services.vectorize.status).toBe("healthy");
  faults().clock_offset_ms += HEALTH_CACHE_MS + 1;
  faults().rules = [{ binding: "VECTORIZE", method: "describe", delay_ms: 60_000 }];
  const { status, json } = await open("/health");
  expect([status, json.status, json.services.vectorize.status]).toEqual([200, "degraded", "unhealthy"]);
  expect((await open("/readyz")).json).toMatchObject({ ready: true, checks: { vectorize: "fail" } });
  faults().rules = [];
});

test("AI is judged by its last real calls, which a health check does not add to", async () => {
  await service.call("PUT", "/api/v1/documents/weevil", { text: "The granary weevil eats stored grain." });
  const before = service.platform.ai_usage();
  faults().rules = [{ binding: "AI", error: "down" }];
  for (let i = 0; i < BREAKER_FAILURES_TO_OPEN; i += 1) {
    await service.call("POST", "/api/v1/chat", { message: `What does the granary weevil eat? ${"!".repeat(i)}` });
  }
  faults().clock_offset_ms += HEALTH_CACHE_MS + 1;
  expect((await open("/health")).json).toMatchObject({ status: "degraded", services: { ai: { status: "unhealthy" } } });
  expect(service.platform.ai_usage().chat_calls).toBe(before.chat_calls);
});
