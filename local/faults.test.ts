/** Faults and the clock are set from outside, through the control API, and only there. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundleWorker } from "../infra/build.ts";
import { type Service, startService } from "../worker/service.fixture.ts";

let service: Service;
beforeAll(async () => {
  service = await startService({ faults: true });
});
afterAll(() => service.close());

const control = async (method: string, body?: unknown, token = service.platform.api_token, { platform } = service) => {
  const response = await fetch(`${platform.s3_url}/local/faults`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, json: await response.json() };
};
const search = (query: string) => service.call("POST", "/api/v1/search", { query });

test("the shim stands beside the bundle: the bundle itself is the one that is built", async () => {
  const [version] = service.platform.runtime.registry.list("version");
  expect(Object.keys(version?.modules ?? {})).toEqual(["worker.js"]);
  expect(version?.modules["worker.js"]?.content).toBe((await bundleWorker()).code);
});

test("a fault set from outside acts on the next request, and its removal too", async () => {
  expect((await search("one")).status).toBe(200);
  const rules = [{ binding: "DB", error: "D1_ERROR: set from outside" }];
  expect(await control("PUT", { rules })).toEqual({ status: 200, json: { rules, clock_offset_ms: 0 } });
  expect((await search("two")).status).toBeGreaterThanOrEqual(500);
  expect((await control("GET")).json.rules).toEqual(rules);
  await control("PUT", { rules: [] });
  expect((await search("three")).status).toBe(200);
});

test("the clock and the rules are set apart; the platform's own clock follows", async () => {
  const rules = [{ binding: "CACHE", delay_ms: 1 }];
  await control("PUT", { rules });
  const day_ms = 86_400_000;
  expect((await control("PUT", { clock_offset_ms: day_ms })).json).toEqual({ rules, clock_offset_ms: day_ms });
  expect(service.platform.runtime.now() - Date.now()).toBeGreaterThan(day_ms - 1_000);
  const { json } = await service.call("GET", "/health");
  expect(Date.parse(json.timestamp) - Date.now()).toBeGreaterThan(day_ms - 60_000);
  await control("PUT", { rules: [], clock_offset_ms: 0 });
});

test("one rule can name a method, and a probability of 0 never strikes", async () => {
  await control("PUT", { rules: [{ binding: "DB", method: "batch", error: "batch only" }] });
  expect((await service.call("GET", "/api/v1/documents")).status).toBe(200);
  expect((await service.call("PUT", "/api/v1/documents/x", { text: "x" })).status).toBeGreaterThanOrEqual(500);
  await control("PUT", { rules: [{ binding: "DB", error: "never", probability: 0 }] });
  expect((await service.call("PUT", "/api/v1/documents/x", { text: "x" })).status).toBe(201);
  await control("PUT", { rules: [] });
});

test("two rules for one binding act on their own methods", async () => {
  const rules = [
    { binding: "CONFIG", method: "put", error: "no writes" },
    { binding: "CONFIG", method: "get", error: "no reads" },
  ];
  await control("PUT", { rules, clock_offset_ms: 2 * 86_400_000 });
  expect((await service.call("GET", "/health")).json.services.kv.status).toBe("unhealthy");
  await control("PUT", { rules: [], clock_offset_ms: 0 });
});

test("without the token, with nonsense, and on a platform without the shim, it refuses and says what to do", async () => {
  expect((await control("PUT", { rules: [] }, "wrong")).status).toBe(401);
  for (const body of [{ rules: [{ error: "no binding" }] }, { clock_offset_ms: "1h" }, { more: 1 }, []]) {
    expect((await control("PUT", body)).status).toBe(400);
  }
  const plain = await startService();
  const refused = await control("PUT", { rules: [] }, plain.platform.api_token, plain);
  await plain.close();
  expect(refused).toEqual({ status: 409, json: { error: expect.stringContaining("--faults") } });
});
