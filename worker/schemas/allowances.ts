/** A daily allowance of the plan: how much of it is used, and when it runs out. */
import { z } from "@hono/zod-openapi";
import { ALLOWANCES_PER_DAY, type Allowed } from "../../infra/cloudflare-limits.ts";
import { ALLOWANCE_STATES } from "../ground/allowance-state.ts";

export const allowance = z.object({
  used: z.number(),
  limit: z.number(),
  usage_percentage: z.number(),
  state: z.enum(ALLOWANCE_STATES).openapi({ description: "From 80 % warning, from 90 % high, from 95 % critical." }),
  runs_out_at: z.iso.datetime().nullable().openapi({
    description:
      "When it is used up this UTC day, as the day so far and the days before let expect (within 10 % from 9:00 on); null: it is not.",
    example: "2026-11-29T21:40:00.000Z",
  }),
});
export type Allowance = z.infer<typeof allowance>;

/** An object with one field for each allowance. */
export function byResource<T>(field: T): Record<Allowed, T> {
  return Object.fromEntries(Object.keys(ALLOWANCES_PER_DAY.free).map((name) => [name, field])) as Record<Allowed, T>;
}
