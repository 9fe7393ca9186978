/** Hostnames of a zone that a Worker answers to, as records: no name is resolved and no certificate made. */
import { createHash, randomUUID } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import type { Engine } from "../engine.ts";
import { ApiError, notFound, ok } from "./envelope.ts";
import { jsonBody } from "./request-body.ts";
import { WORKERS_MALFORMED } from "./script-upload.ts";

const ZONE_NOT_FOUND = 10_083;
const NO_SUCH_WORKER = 10_007;

const domainBody = z.object({
  hostname: z.hostname(),
  service: z.string(),
  environment: z.string().default("production"),
  zone_id: z.string().optional(),
  zone_name: z.string().optional(),
});

/** Routes below `/accounts/:account_id`. */
export function customDomainRoutes(engine: Engine): Hono {
  const { registry } = engine;
  const domain = (id: string) =>
    registry.get("worker_domain", id) ?? notFound(10_011, `The custom domain ${id} does not exist.`);
  return new Hono()
    .get("/workers/domains", (c) => {
      const wanted = Object.entries(c.req.query());
      const records: Record<string, unknown>[] = registry.list("worker_domain").map((record) => ({ ...record }));
      return ok(
        c,
        records.filter((record) => wanted.every(([field, value]) => !(field in record) || record[field] === value)),
      );
    })
    .put("/workers/domains", async (c) => {
      const body = await jsonBody(c, domainBody, WORKERS_MALFORMED);
      const { hostname, service, environment } = body;
      const zone = registry
        .list("zone")
        .find(({ id, name }) =>
          body.zone_id === undefined && body.zone_name === undefined
            ? within(hostname, name)
            : id === body.zone_id || name === body.zone_name,
        );
      if (!zone || !within(hostname, zone.name))
        throw new ApiError(400, ZONE_NOT_FOUND, `workers.api.error.zone_not_found for "${hostname}"`);
      if (!registry.get("script", service))
        throw new ApiError(404, NO_SUCH_WORKER, `This Worker does not exist on your account: ${service}`);
      const id = createHash("sha256").update(hostname).digest("hex").slice(0, 32);
      const cert_id = registry.get("worker_domain", id)?.cert_id ?? randomUUID();
      const record = { id, hostname, service, environment, zone_id: zone.id, zone_name: zone.name, cert_id };
      registry.put("worker_domain", id, record);
      return ok(c, record);
    })
    .get("/workers/domains/:id", (c) => ok(c, domain(c.req.param("id"))))
    .delete("/workers/domains/:id", (c) => {
      registry.delete("worker_domain", domain(c.req.param("id")).id);
      return ok(c, null);
    });
}

function within(hostname: string, zone: string): boolean {
  return hostname === zone || hostname.endsWith(`.${zone}`);
}
