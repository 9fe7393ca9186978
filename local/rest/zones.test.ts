import { afterAll, beforeAll, expect, test } from "vitest";
import { type RestUnderTest, startRest } from "./rest-server.fixture.ts";

let free: RestUnderTest;
let paid: RestUnderTest;
beforeAll(async () => {
  [free, paid] = await Promise.all([startRest(), startRest({ plan: "paid" })]);
});
afterAll(async () => {
  await Promise.all([free.close(), paid.close()]);
});

let zones = 0;
const newZone = async ({ client, account_id }: RestUnderTest) => {
  zones += 1;
  const name = `example${zones}.com`;
  return { name, zone_id: (await client.zones.create({ account: { id: account_id }, name })).id };
};
/** The SDK leaves the answers untyped. */
interface Ruleset {
  id: string;
  version: string;
  rules: unknown[];
}

const FIREWALL = { name: "default", kind: "zone", phase: "http_request_firewall_custom" } as const;
const BLOCK = { action: "block", expression: 'http.request.method eq "TRACE"', ref: "trace" } as const;

test("a zone is made once and read back", async () => {
  const { client, account_id } = free;
  const { name, zone_id } = await newZone(free);
  expect(await client.zones.get({ zone_id })).toMatchObject({ id: zone_id, name, account: { id: account_id } });
  const found = [];
  for await (const zone of client.zones.list({ name })) found.push(zone.id);
  expect(found).toEqual([zone_id]);
  await expect(client.zones.create({ account: { id: account_id }, name })).rejects.toThrow(/1061.*already exists/);
  await expect(client.zones.get({ zone_id: "0".repeat(32) })).rejects.toMatchObject({ status: 403 });
});

test("a phase of a zone has one ruleset, which is changed and not made again", async () => {
  const { client } = free;
  const { zone_id } = await newZone(free);
  const { id, version } = (await client.rulesets.create({ zone_id, ...FIREWALL, rules: [BLOCK] })) as Ruleset;
  await expect(client.rulesets.create({ zone_id, ...FIREWALL })).rejects.toThrow(/20217.*exceeded maximum number/);
  const rules = [BLOCK, { ...BLOCK, ref: "again" }];
  const changed = (await client.rulesets.update(id, { zone_id, rules })) as Ruleset;
  expect([changed.rules.length, Number(changed.version)]).toEqual([2, Number(version) + 1]);
  expect(await client.rulesets.phases.get(FIREWALL.phase, { zone_id })).toEqual(changed);
  await client.rulesets.delete(id, { zone_id });
  await expect(client.rulesets.get(id, { zone_id })).rejects.toMatchObject({ status: 404 });
  await client.rulesets.phases.update(FIREWALL.phase, { zone_id, rules: [BLOCK] });
  expect((await client.rulesets.phases.get(FIREWALL.phase, { zone_id })).rules).toHaveLength(1);
});

test("a free zone takes one rate-limit rule of ten seconds", async () => {
  const limit = (period: number) => ({
    ...BLOCK,
    ratelimit: { characteristics: ["ip.src"], period, requests_per_period: 9, mitigation_timeout: 10 },
  });
  const wanted = (seconds: number[]) => ({ ...FIREWALL, phase: "http_ratelimit", rules: seconds.map(limit) }) as const;
  const { zone_id } = await newZone(free);
  await expect(free.client.rulesets.create({ zone_id, ...wanted([60]) })).rejects.toThrow(/20120.*zone's plan is Free/);
  await expect(free.client.rulesets.create({ zone_id, ...wanted([10, 10]) })).rejects.toThrow(/2 out of 1/);
  await free.client.rulesets.create({ zone_id, ...wanted([10]) });
  await paid.client.rulesets.create({ ...(await newZone(paid)), ...wanted([60, 10]) });
});

test("health checks exist on a zone that has them, and the free plan says which has", async () => {
  const check = { address: "api.example.com", name: "prism", type: "HTTPS" } as const;
  await expect(free.client.healthchecks.create({ ...(await newZone(free)), ...check })).rejects.toThrow(
    /403.*the zone needs Pro/,
  );
  const { zone_id } = await newZone(paid);
  const { id = "" } = await paid.client.healthchecks.create({ zone_id, ...check });
  await paid.client.healthchecks.update(id, { zone_id, ...check, interval: 120 });
  expect(await paid.client.healthchecks.get(id, { zone_id })).toMatchObject({ interval: 120, status: "unknown" });
  await paid.client.healthchecks.delete(id, { zone_id });
  await expect(paid.client.healthchecks.get(id, { zone_id })).rejects.toMatchObject({ status: 404 });
});

test("a Worker answers to a hostname of the zone, and only one that exists", async () => {
  const { client, account_id, engine } = free;
  const { name, zone_id } = await newZone(free);
  const hostname = `api.${name}`;
  const attach = { account_id, hostname, zone_id, service: "api" };
  await expect(client.workers.domains.update(attach)).rejects.toThrow(/404.*10007/);
  const now = new Date(0).toISOString();
  engine.registry.put("script", "api", {
    ...{ id: "api", created_on: now, modified_on: now },
    ...{ schedules: [], subdomain_enabled: false, settings: {} },
  });
  await expect(client.workers.domains.update({ ...attach, hostname: "api.other.com" })).rejects.toThrow(/10083/);
  const domain = await client.workers.domains.update(attach);
  expect(domain).toMatchObject({ hostname, service: "api", zone_id, zone_name: name });
  expect(await client.workers.domains.update(attach)).toEqual(domain);
  const found = [];
  for await (const one of client.workers.domains.list({ account_id, hostname })) found.push(one.id);
  expect(found).toEqual([domain.id]);
  await client.workers.domains.delete(domain.id, { account_id });
  await expect(client.workers.domains.get(domain.id, { account_id })).rejects.toMatchObject({ status: 404 });
});

test("nothing of a zone outlives it", async () => {
  const { client } = paid;
  const { zone_id } = await newZone(paid);
  const { id } = (await client.rulesets.create({ zone_id, ...FIREWALL })) as Ruleset;
  await client.zones.delete({ zone_id });
  expect(paid.engine.registry.get("ruleset", id)).toBeUndefined();
});
