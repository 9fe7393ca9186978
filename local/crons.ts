/** Fires the scripts' cron triggers by the clock, in UTC, as Cloudflare does: each minute, whatever is due then. */
import { Cron } from "croner";
import type { Runtime } from "./runtime.ts";

/** Starts the clock; returns what stops it. Schedules are read each minute, so a change takes effect at once. */
export function startCrons(runtime: Runtime): () => void {
  const clock = new Cron("* * * * *", { timezone: "UTC", unref: true }, async () => {
    const now = new Date();
    for (const { id, schedules } of runtime.registry.list("script")) {
      for (const { cron } of schedules) {
        // Cloudflare counts weekdays from 1 = Sunday.
        const due = new Cron(cron, { timezone: "UTC", paused: true, alternativeWeekdays: true }).match(now);
        if (due)
          await runtime.triggerSchedule(id, cron).catch((error: unknown) => console.error(`cron ${cron}:`, error));
      }
    }
  });
  return () => clock.stop();
}
