/** Fires the scripts' cron triggers by a clock, in UTC, as Cloudflare does: each minute, whatever is due then. */
import { Cron } from "croner";
import type { Runtime } from "./runtime.ts";

/**
 * Fires what is due in the minute of `at`, one trigger after another. Schedules are read each time, so that a change takes effect at
 * once. Never rejects: a run that fails is the script's affair, and `on_failure` hears of it, as of a trigger that an older data folder
 * kept and that is none.
 */
export async function fireCrons(
  runtime: Pick<Runtime, "registry" | "triggerSchedule">,
  at: Date,
  on_failure: (cron: string, error: unknown) => void,
): Promise<void> {
  for (const { id, schedules } of runtime.registry.list("script")) {
    for (const { cron } of schedules) {
      try {
        // Cloudflare counts weekdays from 1 = Sunday.
        const due = new Cron(cron, { timezone: "UTC", paused: true, alternativeWeekdays: true }).match(at);
        if (due) await runtime.triggerSchedule(id, cron);
      } catch (error) {
        on_failure(cron, error);
      }
    }
  }
}

/** Starts the clock; returns what stops it. */
export function startCrons(runtime: Runtime): () => void {
  const clock = new Cron("* * * * *", { timezone: "UTC", unref: true }, () =>
    fireCrons(runtime, new Date(), (cron, error) => console.error(`cron ${cron}:`, error)),
  );
  return () => clock.stop();
}
