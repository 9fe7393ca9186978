/** The Worker: one bundle for the local platform, staging, production and the watchdog. */
import { createApp } from "./app.ts";
import type { Env } from "./env.ts";
import { consume } from "./jobs/consume.ts";
import { runSchedule } from "./jobs/scheduled.ts";

export { AlertState } from "./objects/alert-state.ts";
export { Meter } from "./objects/meter.ts";
export { StatusBook } from "./objects/status-book.ts";

const app = createApp();

export default {
  fetch: (request, env, ctx) => app.fetch(request, env, ctx),
  queue: (batch, env, ctx) => consume(batch, env, ctx),
  scheduled: (controller, env, ctx) => runSchedule(controller.cron, controller.scheduledTime, env, ctx),
} satisfies ExportedHandler<Env>;
