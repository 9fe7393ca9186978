/** `/status.json`: what the status page says, for programs. */
import { z } from "@hono/zod-openapi";
import { COMPONENTS, UPTIME_WINDOWS } from "../ground/status.ts";
import { incident, incidentEntry, maintenance } from "./incidents.ts";

const state = z.enum(["up", "degraded", "down", "maintenance", "unknown"]);
const share = z.number().min(0).max(1).nullable();
const latency = z.number().nullable();

export const status = z
  .object({
    generated_at: z.iso.datetime(),
    checked_at: z.iso
      .datetime()
      .nullable()
      .openapi({ description: "When the last check was; null: never, or not known." }),
    data: z.enum(["current", "stale", "unavailable"]).openapi({
      description:
        "`stale`: checks have not come, so states are unknown. `unavailable`: the records cannot be read right now.",
    }),
    status: state.openapi({ description: "As a caller sees the service." }),
    components: z.array(
      z.object({
        id: z.enum(COMPONENTS),
        name: z.string(),
        status: state,
        latency_ms: latency,
        uptime: z
          .object(
            Object.fromEntries(UPTIME_WINDOWS.map((window) => [window, share])) as Record<
              (typeof UPTIME_WINDOWS)[number],
              typeof share
            >,
          )
          .openapi({
            description: "Share of checks at which it served; null where nothing was checked.",
          }),
        days: z.array(
          z.object({
            day: z.iso.date(),
            level: z.enum(["none", "maintenance", "up", "degraded", "partial", "down"]),
            uptime: share,
          }),
        ),
        latency_by_hour_ms: z.array(latency),
      }),
    ),
    incidents: z.array(
      incident
        .omit({ ref: true, commander: true, opened_by: true, timeline: true, action_items: true })
        .extend({ timeline: z.array(incidentEntry.omit({ source: true })) }),
    ),
    maintenance: z.array(maintenance.omit({ announced_by: true })),
  })
  .openapi("Status");

export const badgeQuery = z.strictObject({
  component: z.enum(COMPONENTS).optional().openapi({ description: "Absent: the whole service." }),
});
