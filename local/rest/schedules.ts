/** Cron triggers of a script. */
import { Cron } from "croner";
import { Hono } from "hono";
import { z } from "zod";
import { PLANS } from "../../infra/limits.ts";
import { ApiError, ok } from "./envelope.ts";
import { jsonBody } from "./request-body.ts";
import { WORKERS_MALFORMED } from "./script-upload.ts";
import type { WorkerStore } from "./worker-store.ts";

const schedulesBody = z.array(z.object({ cron: z.string() }));

/** Routes below `/accounts/:account_id`. */
export function scheduleRoutes(store: WorkerStore): Hono {
  return new Hono()
    .get("/workers/scripts/:name/schedules", (c) => ok(c, { schedules: store.script(c.req.param("name")).schedules }))
    .put("/workers/scripts/:name/schedules", async (c) => {
      const script = store.script(c.req.param("name"));
      const crons = [...new Set((await jsonBody(c, schedulesBody, WORKERS_MALFORMED)).map(({ cron }) => cron))];
      for (const cron of crons) refuseCron(cron);
      const elsewhere = store.engine.registry
        .list("script")
        .filter(({ id }) => id !== script.id)
        .reduce((sum, { schedules }) => sum + schedules.length, 0);
      const { crons_max } = PLANS[store.plan];
      if (elsewhere + crons.length > crons_max)
        throw new ApiError(
          400,
          10072,
          `You have exceeded the limit of ${crons_max} Cron Triggers of the ${store.plan === "free" ? "Free" : "Paid"} plan: other Workers have ${elsewhere}, this one would have ${crons.length}`,
        );
      const now = new Date(store.engine.now()).toISOString();
      const schedules = crons.map((cron) => ({
        cron,
        created_on: script.schedules.find((schedule) => schedule.cron === cron)?.created_on ?? now,
        modified_on: now,
      }));
      // Whoever fires them reads them each time: workerd knows of none.
      store.saveScript({ ...script, schedules });
      return ok(c, { schedules });
    });
}

/** Five fields of `*`, numbers, names, lists, ranges, steps, `L`, `W` and `#`. https://developers.cloudflare.com/workers/configuration/cron-triggers/ */
function refuseCron(cron: string): void {
  const fields = cron.trim().split(/\s+/);
  try {
    if (fields.length !== 5) throw new Error(`it has ${fields.length} fields, five are needed`);
    const odd = fields.find((field) => !/^[\dA-Z*,/\-#]+$/i.test(field));
    if (odd) throw new Error(`"${odd}" is not a cron field`);
    // Weekdays are 1 (Sunday) to 7. The one reading takes 0 as well, the other 8, which would end whatever fires them.
    for (const alternativeWeekdays of [false, true]) new Cron(cron, { paused: true, alternativeWeekdays }).stop();
  } catch (error) {
    throw new ApiError(400, 10100, `invalid cron string: "${cron}" (${(error as Error).message})`);
  }
}
