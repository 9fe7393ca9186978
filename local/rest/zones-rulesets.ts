/**
 * Rulesets of a zone as records: what was declared reads back, with ids and versions; no request is ever judged by them. A zone has
 * one ruleset of kind `zone` a phase, its entry point.
 */
import { randomBytes } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import type { Engine } from "../engine.ts";
import type { RulesetRecord } from "../registry.ts";
import { ApiError, notFound, ok } from "./envelope.ts";
import { checked, jsonBody } from "./request-body.ts";
import { zoneOf } from "./zones.ts";

const RULESETS_MALFORMED = 20_021;
const NOT_ENTITLED = 20_120;
const RULESET_NOT_FOUND = 10_000;

const rule = z.looseObject({
  id: z.string().optional(),
  ref: z.string().optional(),
  expression: z.string().min(1),
  action: z.enum(["block", "challenge", "js_challenge", "managed_challenge", "log", "skip"]),
  description: z.string().optional(),
  enabled: z.boolean().default(true),
  ratelimit: z
    .looseObject({
      characteristics: z.array(z.string()).min(1),
      period: z.number().int(),
      requests_per_period: z.number().int().positive(),
      mitigation_timeout: z.number().int(),
    })
    .optional(),
});
const changeBody = z.object({
  name: z.string().optional(),
  description: z.string().default(""),
  rules: z.array(rule).default([]),
});
const createBody = changeBody.extend({
  name: z.string(),
  kind: z.enum(["zone", "custom"]),
  phase: z.enum(["http_request_firewall_custom", "http_ratelimit"]),
});
type Change = z.output<typeof changeBody>;

/** What a free zone's rate-limit rule may be. https://developers.cloudflare.com/waf/rate-limiting-rules/#availability */
const FREE_RATE_LIMIT = { rules: 1, seconds: 10 };

/** `/zones/:zone_id/rulesets`. */
export function rulesetRoutes(engine: Engine, plan: "free" | "paid"): Hono {
  const { registry } = engine;
  const timestamp = () => new Date(engine.now()).toISOString();
  const ofZone = (zone: string): RulesetRecord[] => {
    const { id } = zoneOf(registry, zone);
    return registry.list("ruleset").filter(({ zone_id }) => zone_id === id);
  };
  const ruleset = (zone: string, id: string) =>
    ofZone(zone).find((one) => one.id === id) ?? notFound(RULESET_NOT_FOUND, `could not find ruleset ${id}`);
  const entryPoint = (zone: string, phase: string) =>
    ofZone(zone).find((one) => one.kind === "zone" && one.phase === phase);
  const refuse = (phase: string, { rules }: Change) => {
    for (const { ratelimit } of phase === "http_ratelimit" ? rules : []) {
      if (!ratelimit) throw new ApiError(400, RULESETS_MALFORMED, `a rule of the phase ${phase} needs a ratelimit`);
      for (const seconds of [ratelimit.period, ratelimit.mitigation_timeout])
        if (plan === "free" && seconds !== FREE_RATE_LIMIT.seconds)
          throw new ApiError(
            400,
            NOT_ENTITLED,
            `not entitled to use the period ${seconds}, can only use a period among [${FREE_RATE_LIMIT.seconds}]: the zone's plan is Free`,
          );
    }
    if (plan === "free" && phase === "http_ratelimit" && rules.length > FREE_RATE_LIMIT.rules)
      throw new ApiError(
        400,
        NOT_ENTITLED,
        `exceeded the maximum number of rules in the phase ${phase}: ${rules.length} out of ${FREE_RATE_LIMIT.rules}: the zone's plan is Free`,
      );
  };
  const save = (record: Omit<RulesetRecord, "rules" | "last_updated">, { rules }: Change): RulesetRecord => {
    const now = timestamp();
    const saved = {
      ...record,
      last_updated: now,
      rules: rules.map((one) => {
        const id = one.id ?? randomBytes(16).toString("hex");
        return { ref: id, ...one, id, version: record.version, last_updated: now };
      }),
    };
    registry.put("ruleset", saved.id, saved);
    return saved;
  };
  const shown = ({ zone_id: _, ...record }: RulesetRecord) => record;
  const create = (zone_id: string, fields: { name: string; kind: "zone" | "custom"; phase: string } & Change) => {
    const { name, description, kind, phase } = fields;
    refuse(phase, fields);
    return save({ id: randomBytes(16).toString("hex"), zone_id, name, description, kind, phase, version: "1" }, fields);
  };
  const change = (record: RulesetRecord, fields: Change): RulesetRecord => {
    refuse(record.phase, fields);
    const { name = record.name, description } = fields;
    return save({ ...record, name, description, version: String(Number(record.version) + 1) }, fields);
  };

  return new Hono()
    .get("/zones/:zone_id/rulesets", (c) =>
      ok(
        c,
        ofZone(c.req.param("zone_id")).map(({ rules: _, zone_id: _zone, ...one }) => one),
      ),
    )
    .post("/zones/:zone_id/rulesets", async (c) => {
      const zone_id = c.req.param("zone_id");
      const fields = await jsonBody(c, createBody, RULESETS_MALFORMED);
      if (fields.kind === "zone" && entryPoint(zone_id, fields.phase))
        throw new ApiError(
          400,
          20_217,
          `'zone' is not a valid value for kind because exceeded maximum number of zone rulesets for phase ${fields.phase}`,
        );
      return ok(c, shown(create(zoneOf(registry, zone_id).id, fields)));
    })
    .get("/zones/:zone_id/rulesets/phases/:phase/entrypoint", (c) => {
      const { phase } = c.req.param();
      const record = entryPoint(c.req.param("zone_id"), phase);
      if (!record) throw new ApiError(404, 10_003, `could not find entrypoint ruleset in the ${phase} phase`);
      return ok(c, shown(record));
    })
    .put("/zones/:zone_id/rulesets/phases/:phase/entrypoint", async (c) => {
      const zone_id = zoneOf(registry, c.req.param("zone_id")).id;
      const { phase } = checked(c.req.param(), createBody.pick({ phase: true }), RULESETS_MALFORMED);
      const fields = await jsonBody(c, changeBody, RULESETS_MALFORMED);
      const record = entryPoint(zone_id, phase);
      if (record) return ok(c, shown(change(record, fields)));
      return ok(c, shown(create(zone_id, { name: "default", kind: "zone", phase, ...fields })));
    })
    .get("/zones/:zone_id/rulesets/:id", (c) => ok(c, shown(ruleset(c.req.param("zone_id"), c.req.param("id")))))
    .put("/zones/:zone_id/rulesets/:id", async (c) => {
      const record = ruleset(c.req.param("zone_id"), c.req.param("id"));
      return ok(c, shown(change(record, await jsonBody(c, changeBody, RULESETS_MALFORMED))));
    })
    .delete("/zones/:zone_id/rulesets/:id", (c) => {
      registry.delete("ruleset", ruleset(c.req.param("zone_id"), c.req.param("id")).id);
      return c.body(null, 204);
    });
}
