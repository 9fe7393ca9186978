/** Zones as records, and the health checks of one: nothing is ever resolved or asked. A fresh platform has no zone. */
import { randomBytes } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import type { Engine } from "../engine.ts";
import type { HealthcheckRecord, Registry, ZoneRecord } from "../registry.ts";
import { type Authenticated, isCovered } from "./credentials.ts";
import { ApiError, ok } from "./envelope.ts";
import { okPage } from "./pagination.ts";
import { jsonBody } from "./request-body.ts";

/** Code of a request that the zones' own endpoints cannot read. */
const ZONES_MALFORMED = 1001;
const HEALTHCHECKS_MALFORMED = 1002;

/** The zone of this id. @throws ApiError as Cloudflare does for one of somebody else. */
export function zoneOf(registry: Registry, id: string): ZoneRecord {
  const zone = registry.get("zone", id);
  if (!zone) throw new ApiError(403, 9109, `Unauthorized to access requested resource: no zone ${id} for this token`);
  return zone;
}

const zoneBody = z.object({
  name: z.hostname(),
  account: z.object({ id: z.string() }),
  type: z.enum(["full", "partial", "secondary", "internal"]).default("full"),
});
const healthcheckBody = z.looseObject({
  name: z.string().regex(/^[\w-]+$/, "letters, digits, hyphens and underscores"),
  address: z.string().min(1),
  type: z.enum(["HTTP", "HTTPS", "TCP"]).default("HTTP"),
  interval: z.number().int().min(5).max(3600).default(60),
  retries: z.number().int().min(0).max(5).default(2),
  timeout: z.number().int().min(1).max(10).default(5),
});

/** `/zones`, `/zones/:id` and its health checks, which the free plan does not have. */
export function zoneRoutes(engine: Engine, plan: "free" | "paid"): Hono<Authenticated> {
  const { registry } = engine;
  const timestamp = () => new Date(engine.now()).toISOString();
  const shown = (zone: ZoneRecord) => ({
    ...zone,
    status: "active",
    paused: false,
    type: "full",
    account: { id: engine.account_id, name: "PRISM local" },
    name_servers: ["a.ns.prism.invalid", "b.ns.prism.invalid"],
    plan: { name: plan === "paid" ? "Pro Website" : "Free Website", legacy_id: plan === "paid" ? "pro" : "free" },
  });
  const healthcheck = (zone: string, id: string): HealthcheckRecord => {
    zoneOf(registry, zone);
    const record = registry.get("healthcheck", id);
    if (record?.zone_id !== zone) throw new ApiError(404, 1002, `The health check ${id} does not exist.`);
    return record;
  };
  const healthcheckRequest = async (c: Parameters<typeof jsonBody>[0]) => {
    if (plan === "free")
      throw new ApiError(403, 1002, "Health checks are not available on the Free plan: the zone needs Pro or better");
    return jsonBody(c, healthcheckBody, HEALTHCHECKS_MALFORMED);
  };
  const shownCheck = ({ zone_id: _, ...record }: HealthcheckRecord) => record;

  return new Hono<Authenticated>()
    .get("/zones", (c) => {
      const { name, "account.id": account } = c.req.query();
      const zones = registry
        .list("zone")
        .filter((zone) => (name ?? zone.name) === zone.name && (account ?? engine.account_id) === engine.account_id)
        .filter(({ id }) => isCovered(c.get("token").scopes, "zone", "read", id))
        .map(shown);
      return okPage(c, zones, { default: 20, max: 50, code: ZONES_MALFORMED });
    })
    .post("/zones", async (c) => {
      const { name, account } = await jsonBody(c, zoneBody, ZONES_MALFORMED);
      if (account.id !== engine.account_id)
        throw new ApiError(403, 10000, `Authentication error: the token has no account ${account.id}`);
      if (registry.list("zone").some((zone) => zone.name === name))
        throw new ApiError(400, 1061, `${name} already exists`);
      const now = timestamp();
      const zone = { id: randomBytes(16).toString("hex"), name, created_on: now, modified_on: now, activated_on: now };
      registry.put("zone", zone.id, zone);
      return ok(c, shown(zone));
    })
    .get("/zones/:zone_id", (c) => ok(c, shown(zoneOf(registry, c.req.param("zone_id")))))
    .delete("/zones/:zone_id", (c) => {
      const { id } = zoneOf(registry, c.req.param("zone_id"));
      for (const kind of ["healthcheck", "ruleset", "worker_domain"] as const)
        for (const record of registry.list(kind)) if (record.zone_id === id) registry.delete(kind, record.id);
      registry.delete("zone", id);
      return ok(c, { id });
    })
    .get("/zones/:zone_id/healthchecks", (c) => {
      const { id } = zoneOf(registry, c.req.param("zone_id"));
      const checks = registry.list("healthcheck").filter(({ zone_id }) => zone_id === id);
      return okPage(c, checks.map(shownCheck), { default: 25, max: 1000, code: HEALTHCHECKS_MALFORMED });
    })
    .post("/zones/:zone_id/healthchecks", async (c) => {
      const { id: zone_id } = zoneOf(registry, c.req.param("zone_id"));
      const body = await healthcheckRequest(c);
      const now = timestamp();
      const id = randomBytes(16).toString("hex");
      const record = { ...body, id, zone_id, status: "unknown", failure_reason: "", created_on: now, modified_on: now };
      registry.put("healthcheck", id, record);
      return ok(c, shownCheck(record));
    })
    .get("/zones/:zone_id/healthchecks/:id", (c) =>
      ok(c, shownCheck(healthcheck(c.req.param("zone_id"), c.req.param("id")))),
    )
    .put("/zones/:zone_id/healthchecks/:id", async (c) => {
      const record = healthcheck(c.req.param("zone_id"), c.req.param("id"));
      const { id, zone_id, created_on, status, failure_reason } = record;
      const body = await healthcheckRequest(c);
      const changed = { ...body, id, zone_id, status, failure_reason, created_on, modified_on: timestamp() };
      registry.put("healthcheck", id, changed);
      return ok(c, shownCheck(changed));
    })
    .delete("/zones/:zone_id/healthchecks/:id", (c) => {
      const { id } = healthcheck(c.req.param("zone_id"), c.req.param("id"));
      registry.delete("healthcheck", id);
      return ok(c, { id });
    });
}
