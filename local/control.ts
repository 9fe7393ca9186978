/** Control of a running local platform from outside: faults and the simulated clock. Below `/local` on the API port. */
import { timingSafeEqual } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import { type FaultPlan, faultRule } from "./faults.ts";

const body = z.strictObject({
  rules: z.array(faultRule).optional(),
  clock_offset_ms: z.number().int().optional(),
});

/** `plan` is null on a platform started without the shim: then every call says how to get one. */
export function controlApi(plan: FaultPlan | null, token: string): Hono {
  const expected = Buffer.from(`Bearer ${token}`);
  return new Hono()
    .use(async (c, next) => {
      const presented = Buffer.from(c.req.header("authorization") ?? "");
      if (presented.length !== expected.length || !timingSafeEqual(presented, expected))
        return c.json({ error: "the API token of this platform is required (api_token in platform.json)" }, 401);
      if (!plan) return c.json({ error: "this platform runs without the fault shim: start it with --faults" }, 409);
      return next();
    })
    .get("/faults", (c) => c.json({ rules: plan?.rules, clock_offset_ms: plan?.clock_offset_ms }))
    .put("/faults", async (c) => {
      const parsed = body.safeParse(await c.req.json().catch(() => null));
      if (!parsed.success) return c.json({ error: z.prettifyError(parsed.error) }, 400);
      if (plan) {
        plan.rules = parsed.data.rules ?? plan.rules;
        plan.clock_offset_ms = parsed.data.clock_offset_ms ?? plan.clock_offset_ms;
      }
      return c.json({ rules: plan?.rules, clock_offset_ms: plan?.clock_offset_ms });
    });
}
