/** The status page over months of simulated time: what it says is what was checked, declared and announced. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { CRONS, SERVICE } from "../../infra/inventory.ts";
import { STATUS_CACHE_MS, STATUS_STALE_AFTER_MS } from "../limits.ts";
import { type Service, startService } from "../service.fixture.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

let service: Service;
beforeAll(async () => {
  service = await startService({ faults: true });
  // What fails below fails on one day, at whatever hour the test runs.
  faults().clock_offset_ms = 24 * HOUR_MS - (Date.now() % (24 * HOUR_MS)) + HOUR_MS;
});
afterAll(() => service.close());

function faults() {
  if (!service.platform.faults) throw new Error("the platform runs without the shim");
  return service.platform.faults;
}
function pass(duration_ms: number) {
  faults().clock_offset_ms += duration_ms;
}
const now = () => Date.now() + faults().clock_offset_ms;
const iso = (from_now_ms: number) => new Date(now() + from_now_ms).toISOString();

/** One check, five minutes after the one before. */
async function check() {
  pass(5 * MINUTE_MS);
  await service.platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks);
}
async function open(path: string) {
  pass(STATUS_CACHE_MS + 1);
  return service.call("GET", path, undefined, { key: null });
}
const status = async () => (await open("/status.json")).json;
const component = async (id: string) => (await status()).components.find((one: { id: string }) => one.id === id);

test("before anything was checked the status is unknown, and the page says so to anybody", async () => {
  expect(await status()).toMatchObject({ status: "unknown", data: "stale", checked_at: null, incidents: [] });
  const page = await open("/status");
  expect([page.status, page.headers.get("cache-control")]).toEqual([200, "public, max-age=15"]);
  expect(page.text).toContain("Nothing has been checked yet");
});

test("a check of the cron is the state of every component, and its day's figure", async () => {
  await check();
  const found = await status();
  expect(found).toMatchObject({ status: "up", data: "current" });
  expect(found.components.map(({ id, status: state }: { id: string; status: string }) => `${id} ${state}`)).toEqual([
    "api up",
    "database up",
    "vectorize up",
    "kv up",
    "ai up",
  ]);
  expect(found.components[1]).toMatchObject({ uptime: { "24h": 1, "7d": 1, "30d": 1, "90d": 1 } });
  expect(found.components[1].latency_ms).toEqual(expect.any(Number));
  expect(found.components[1].days.at(-1)).toMatchObject({ level: "up", uptime: 1 });
  expect((await open("/status")).text).toContain("All is well");
});

test("while the database is down the page, its history and incidents work, and the failure counts", async () => {
  faults().rules = [{ binding: "DB", error: "D1_ERROR: down" }];
  await check();
  expect(await status()).toMatchObject({ status: "down", data: "current" });
  expect(await component("database")).toMatchObject({ status: "down", latency_ms: null, uptime: { "24h": 0.5 } });
  expect((await component("kv")).uptime["24h"]).toBe(1);
  const key = service.platform.api_secret;
  const body = { title: "Answers fail", severity: "SEV-1", components: ["api", "database"], text: "We see it." };
  const opened = await service.call("POST", "/api/v1/incidents", body, { key });
  expect(opened).toMatchObject({ status: 201, json: { id: 1, state: "investigating", opened_by: "bootstrap" } });
  expect(opened.headers.get("location")).toBe("/api/v1/incidents/1");
  const told = { text: "A disk, room 4.", is_public: false, source: "runbook", state: "identified" };
  expect((await service.call("PATCH", "/api/v1/incidents/1", told, { key })).json.state).toBe("identified");
  faults().rules = [];
});

test("an open incident holds its components at what its severity says until it is resolved", async () => {
  await check();
  expect(await component("api")).toMatchObject({ status: "down" });
  const text = "The database answers <again> & is watched.";
  await service.call("PATCH", "/api/v1/incidents/1", { state: "resolved", text });
  expect(await status()).toMatchObject({ status: "up" });
  const { json } = await service.call("GET", "/api/v1/incidents?state=resolved");
  expect(json).toMatchObject({
    next_cursor: null,
    incidents: [{ id: 1, state: "resolved", resolved_at: expect.any(String) }],
  });
  expect(json.incidents[0].timeline).toHaveLength(3);
  expect((await service.call("GET", "/api/v1/incidents?state=open")).json.incidents).toEqual([]);
});

test("what is public names nobody, tells nothing internal, and is escaped in page and feed", async () => {
  const [page, asJson, feed] = [await open("/status"), await open("/status.json"), await open("/status.rss")];
  for (const { text } of [page, asJson, feed]) expect(text).not.toMatch(/room 4|bootstrap|commander|D1_ERROR|runbook/);
  expect(asJson.json.incidents[0].timeline).toHaveLength(2);
  expect(feed.headers.get("content-type")).toBe("application/rss+xml; charset=utf-8");
  for (const { text } of [page, feed]) expect(text).toContain("The database answers &lt;again&gt; &amp; is watched.");
  expect(feed.text).toContain(`<link>${service.platform.url}/status#incident-1</link>`);
});

test("what XML cannot hold is shown as missing: one such character, and no reader would take the feed", async () => {
  const { json } = await service.call("PATCH", "/api/v1/incidents/1", {
    text: "Copied \u001b[31mred\u001b[0m\uffff\f.",
  });
  expect(json.timeline.at(-1).text).toContain("\u001b");
  const feed = await open("/status.rss");
  expect(feed.text).toContain("Copied \ufffd[31mred\ufffd[0m\ufffd\ufffd.");
});

test("the page is whole without a script, and small", async () => {
  const { text } = await open("/status");
  expect(text).not.toMatch(/<script|<style| style=| on\w+=|src=/);
  expect(text.match(/<rect /g)).toHaveLength(5 * 90);
  expect(Buffer.byteLength(text)).toBeLessThan(100_000);
});

test("a badge says the state in words, of the service or of one component", async () => {
  const badge = await open("/status/badge.svg");
  expect(badge.headers.get("content-type")).toBe("image/svg+xml; charset=utf-8");
  expect(badge.text).toContain('aria-label="status: operational"');
  expect((await open("/status/badge.svg?component=ai")).text).toContain('aria-label="answers: operational"');
  expect((await open("/status/badge.svg?component=nothing")).status).toBe(400);
});

test("announced maintenance that does not count keeps the uptime; what counts, or was not announced, does not", async () => {
  const announce = (facts: object) =>
    service.call("POST", "/api/v1/maintenance", {
      title: "Moving",
      text: "A new index.",
      components: ["kv"],
      ...facts,
    });
  const before = (await component("kv")).uptime["24h"];
  expect((await announce({ starts_at: iso(-HOUR_MS), ends_at: iso(HOUR_MS) })).json.errors[0].path).toBe("starts_at");
  const { json: window } = await announce({ starts_at: iso(MINUTE_MS), ends_at: iso(8 * MINUTE_MS) });
  expect(window).toMatchObject({ phase: "scheduled", counts: false });
  expect((await open("/status")).text).toContain("Planned");
  faults().rules = [{ binding: "CONFIG", error: "down" }];
  await check();
  expect(await component("kv")).toMatchObject({ status: "maintenance", uptime: { "24h": before } });
  expect(await component("api")).toMatchObject({ status: "degraded" });
  const cancelled = await service.call("PATCH", `/api/v1/maintenance/${window.id}`, { is_cancelled: true });
  expect([cancelled.status, cancelled.json.errors[0].path]).toEqual([400, "is_cancelled"]);
  await check();
  faults().rules = [];
  expect(await component("kv")).toMatchObject({ status: "down" });
  expect((await component("kv")).uptime["24h"]).toBeLessThan(before);
  expect((await service.call("GET", "/api/v1/maintenance")).json.maintenance[0].phase).toBe("completed");
});

test("when checks stop coming the page calls itself out of date and claims nothing", async () => {
  await check();
  pass(STATUS_STALE_AFTER_MS);
  expect(await status()).toMatchObject({ status: "unknown", data: "stale", checked_at: expect.any(String) });
  expect((await component("kv")).latency_ms).toBeNull();
  const page = await open("/status");
  expect(page.text).toContain("Out of date:");
  expect(page.text).not.toContain("All is well");
});

test("days stay when their checks are gone, and a day without checks is none of trouble", async () => {
  pass(40 * 24 * HOUR_MS);
  await check();
  const kv = await component("kv");
  expect(kv.uptime).toMatchObject({ "24h": 1, "30d": 1 });
  expect(kv.uptime["90d"]).toBeLessThan(1);
  expect(kv.days.at(-41).level).toBe("down");
  expect(kv.days.at(-20)).toMatchObject({ level: "none", uptime: null });
  expect((await status()).incidents).toEqual([]);
  expect((await service.call("GET", "/api/v1/incidents")).json.incidents).toHaveLength(1);
});

test("while the book is silent the page is there and knows nothing, and nothing can be opened", async () => {
  faults().rules = [{ binding: "STATUS", error: "down" }];
  expect(await status()).toMatchObject({ status: "unknown", data: "unavailable", components: [] });
  expect((await open("/status")).text).toContain("cannot be read");
  const refused = await service.call("GET", "/api/v1/incidents");
  expect([refused.status, refused.json.type]).toEqual([503, expect.stringMatching(/status-unavailable$/)]);
  faults().rules = [];
});

test("incidents are for operators with the scope, and one that is not there is 404", async () => {
  const key = await service.key({ scopes: ["ops"] });
  expect((await service.call("GET", "/api/v1/incidents/1", undefined, { key })).status).toBe(200);
  expect((await service.call("GET", "/api/v1/incidents/999", undefined, { key })).json.type).toMatch(
    /no-such-incident$/,
  );
  expect((await service.call("PATCH", "/api/v1/maintenance/999", { title: "x" }, { key })).status).toBe(404);
  const foreign = await service.key({ tenant: "acme", scopes: ["ops"] });
  expect((await service.call("GET", "/api/v1/incidents", undefined, { key: foreign })).json.type).toMatch(
    /operator-route$/,
  );
  const reader = await service.key({ scopes: ["read"] });
  expect((await service.call("GET", "/api/v1/maintenance", undefined, { key: reader })).status).toBe(403);
});

test("a title or text that shows nobody anything is refused", async () => {
  const body = { title: "Search is slow", severity: "SEV-3", components: ["vectorize"], text: "We look." };
  for (const field of ["title", "text"]) {
    const { status, json } = await service.call("POST", "/api/v1/incidents", {
      ...body,
      [field]: "\u200b\u2060 \u00ad",
    });
    expect([status, json.errors?.[0].path]).toEqual([400, field]);
  }
});

test("an incident has a name of its own where it was opened without the service, is in the audit log, and told to channels", async () => {
  const ref = "r-0a1b2c3d";
  const body = { title: "Search was gone", severity: "SEV-3", components: ["vectorize"], text: "It was.", ref };
  const [opened, again] = [
    await service.call("POST", "/api/v1/incidents", { ...body, opened_at: iso(-MINUTE_MS) }),
    await service.call("POST", "/api/v1/incidents", body),
  ];
  expect(again.json).toEqual(opened.json);
  const { id } = opened.json;
  const change = { new_action: { text: "Watch the index", owner: "ann" }, state: "resolved", text: "It is back." };
  const changed = await service.call("PATCH", `/api/v1/incidents/${ref}`, change);
  expect(changed.json).toMatchObject({ id, state: "resolved", action_items: [{ id: 1, owner: "ann", done_at: null }] });
  expect((await service.call("GET", "/api/v1/incidents/r-ffffffff")).status).toBe(404);
  const { json } = await service.call("GET", "/api/v1/audit-logs?limit=20");
  const acts = json.entries.filter(({ subject }: { subject: string }) => subject === String(id));
  expect(acts.map(({ action }: { action: string }) => action)).toEqual(
    expect.arrayContaining(["incident.open", "incident.change"]),
  );
  const { changes } = (await service.call("GET", "/api/v1/alerts")).json;
  expect(changes.map(({ summary }: { summary: string }) => summary)).toEqual(
    expect.arrayContaining([
      `incident ${id} (SEV-3) is open: Search was gone`,
      `incident ${id} is resolved: Search was gone`,
    ]),
  );
});
