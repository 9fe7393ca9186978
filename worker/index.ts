/** The Worker: one bundle for the local platform, staging, production and the watchdog. */
import { createApp } from "./app.ts";
import type { Env } from "./env.ts";
import { consume } from "./jobs/consume.ts";
import { runSchedule } from "./jobs/scheduled.ts";

export { Meter } from "./objects/meter.ts";

const app = createApp();

export default {
  fetch: (request, env, ctx) => app.fetch(request, env, ctx),
  queue: (batch, env) => consume(batch, env, Date.now()),
  scheduled: (controller, env) => runSchedule(controller.cron, env, controller.scheduledTime),
} satisfies ExportedHandler<Env>;
