/** What is heard of the Worker in workerd, from the request to the interfaces that show it. */
import { gunzipSync } from "node:zlib";
import Cloudflare from "cloudflare";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { BUCKETS, datasetName, SERVICE } from "../../infra/inventory.ts";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { uploadOf } from "../rest/module.fixture.ts";
import { liveVersion } from "../workerd.ts";

/** What was done is heard of a little later. */
const SOON = { timeout: 60_000 };

let service: Service;
let client: Cloudflare;
beforeAll(async () => {
  service = await startService({ plan: "paid", variables: { LOG_LEVEL: "INFO" } });
  client = new Cloudflare({ apiToken: service.platform.api_token, baseURL: service.platform.api_url });
});
afterAll(() => service?.close());

/** Events that have a field of this value. */
async function eventsWith(key: string, value: string) {
  const { platform } = service;
  const { events } = await client.workers.observability.telemetry.query({
    account_id: platform.account_id,
    queryId: "test",
    timeframe: { from: 0, to: Date.now() + 60_000 },
    parameters: { filters: [{ key, operation: "eq", type: "string", value }] },
  });
  return events?.events ?? [];
}

test("what the Worker logged of a request can be asked for, beside the invocation that it belongs to", async () => {
  const { headers } = await service.call("GET", "/api/v1/documents?limit=2");
  const request_id = headers.get("x-request-id") ?? "";
  const [line] = await vi.waitFor(async () => {
    const found = await eventsWith("request_id", request_id);
    expect(found).not.toEqual([]);
    return found;
  }, SOON);
  expect(line).toMatchObject({ $metadata: { type: "cf-worker", service: SERVICE, trigger: "GET /api/v1/documents" } });
  const { id } = liveVersion(service.platform.runtime.registry, SERVICE) ?? {};
  const invocation = await eventsWith("$metadata.requestId", line?.$metadata.requestId ?? "");
  expect(invocation.find((one) => one.$metadata.type === "cf-worker-event")).toMatchObject({
    $metadata: { statusCode: 200 },
    $workers: { outcome: "ok", eventType: "fetch", scriptVersion: { id }, wallTimeMs: expect.any(Number) },
  });
  expect(JSON.stringify(invocation)).not.toContain(service.platform.admin_key);
});

test("a cron task is heard of, too", async () => {
  await service.platform.runtime.triggerSchedule(SERVICE, "*/5 * * * *");
  await vi.waitFor(async () => {
    const events = await eventsWith("$metadata.trigger", "*/5 * * * *");
    expect(events).toContainEqual(
      expect.objectContaining({ $workers: expect.objectContaining({ eventType: "scheduled", outcome: "ok" }) }),
    );
  }, SOON);
});

test("what was heard before a switch of versions is kept", async () => {
  const ids: string[] = [];
  // The first one stays to send what all of them have counted, and its trace comes when that is done.
  for (let n = 0; n < 5; n++) ids.push((await service.call("GET", "/livez")).headers.get("x-request-id") ?? "");
  await service.platform.runtime.reload();
  expect(await eventsWith("request_id", ids[1] ?? "")).not.toEqual([]);
});

test("a script that wants no logs has none", async () => {
  const at = { account_id: service.platform.account_id };
  const settings = client.workers.scripts.scriptAndVersionSettings;
  const observability = (enabled: boolean) => ({ ...at, settings: { observability: { enabled } } });
  await settings.edit(SERVICE, observability(false));
  const silent = (await service.call("GET", "/livez")).headers.get("x-request-id") ?? "";
  await service.platform.runtime.reload();
  await settings.edit(SERVICE, observability(true));
  const heard = (await service.call("GET", "/livez")).headers.get("x-request-id") ?? "";
  await vi.waitFor(async () => expect(await eventsWith("request_id", heard)).not.toEqual([]), SOON);
  expect(await eventsWith("request_id", silent)).toEqual([]);
});

test("Logpush writes what a script with logpush did into the bucket of logs", async () => {
  const { platform } = service;
  const at = { account_id: platform.account_id };
  const { access_key_id, secret_access_key } = platform.s3_credentials;
  const destination_conf = `r2://${BUCKETS.logs.name}/workers/{DATE}?account-id=${at.account_id}&access-key-id=${access_key_id}&secret-access-key=${secret_access_key}`;
  await client.logpush.jobs.create({ ...at, dataset: "workers_trace_events", enabled: true, destination_conf });
  await client.workers.scripts.scriptAndVersionSettings.edit(SERVICE, { ...at, settings: { logpush: true } as never });
  const bucket = await platform.runtime.r2(BUCKETS.logs.name);
  const texts = await vi.waitFor(async () => {
    await service.call("GET", "/livez");
    await platform.logpush.push();
    const { objects } = await bucket.list();
    expect(objects).not.toEqual([]);
    const bodies = objects.map(async ({ key }) => (await bucket.get(key))?.arrayBuffer());
    return (await Promise.all(bodies)).map((body) => gunzipSync(new Uint8Array(body ?? [])).toString());
  }, SOON);
  expect(texts.join("")).toContain(`"ScriptName":"${SERVICE}"`);
});

test("data points of the Worker are rows that SQL can ask for", async () => {
  await service.call("GET", "/api/v1/documents?limit=2");
  const { platform } = service;
  // `worker/telemetry/data-point.ts` gives each column its place.
  const body = `SELECT index1 AS endpoint, SUM(_sample_interval) AS requests,
      quantileExactWeighted(0.95)(double1, _sample_interval) AS p95_ms
    FROM ${datasetName("local")}
    WHERE timestamp > NOW() - INTERVAL '1' HOUR AND blob1 = 'request'
    GROUP BY endpoint ORDER BY requests DESC FORMAT JSON`;
  const headers = { authorization: `Bearer ${platform.api_token}` };
  const at = `${platform.api_url}/accounts/${platform.account_id}/analytics_engine/sql`;
  await vi.waitFor(async () => {
    const { data } = (await (await fetch(at, { method: "POST", headers, body })).json()) as { data: object[] };
    expect(data).toContainEqual({
      endpoint: "/api/v1/documents",
      requests: expect.stringMatching(/^[1-9]/),
      p95_ms: expect.any(Number),
    });
  }, SOON);
});

test("any Worker writes data points at no call's price: it has no promise of them, and what is refused is thrown at once", async () => {
  const { platform } = service;
  const code = `
    const written = [];
    export default { fetch(request, { POINTS, ...others }) {
      const blobs = new URL(request.url).searchParams.getAll("blob");
      try {
        written.push(String(POINTS.writeDataPoint({ indexes: ["i"], blobs, doubles: [1] })));
      } catch (error) {
        written.push(error.message);
      }
      return Response.json({ written, others: Object.keys(others) });
    } };`;
  await client.workers.beta.workers.versions.create(SERVICE, {
    account_id: platform.account_id,
    deploy: true,
    ...uploadOf(code),
    bindings: [{ type: "analytics_engine", name: "POINTS", dataset: "strangers" }],
    compatibility_date: "2024-01-01",
  });
  const ask = async (blobs: string[]) =>
    (await fetch(`${platform.url}/?${new URLSearchParams(blobs.map((blob) => ["blob", blob]))}`)).json();
  for (const n of ["a", "b", "c"]) await ask([n]);
  expect(await ask(Array.from({ length: 21 }, String))).toEqual({
    written: ["undefined", "undefined", "undefined", expect.stringContaining("20 blobs at most")],
    others: [],
  });
  const at = `${platform.api_url}/accounts/${platform.account_id}/analytics_engine/sql`;
  const asked = {
    method: "POST",
    headers: { authorization: `Bearer ${platform.api_token}` },
    body: "SELECT blob1 FROM strangers ORDER BY blob1 FORMAT JSON",
  };
  await vi.waitFor(async () => {
    const answer = await (await fetch(at, asked)).text();
    expect(answer).toMatch(/^\{/);
    expect(JSON.parse(answer)).toMatchObject({ data: [{ blob1: "a" }, { blob1: "b" }, { blob1: "c" }] });
  }, SOON);
});
