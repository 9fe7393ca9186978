/** What must follow no fault: a day on which nobody is told of anything, and an hour after which nothing of a fault is left. */
import { MINUTE_MS } from "../../worker/ground/time.ts";
import { ALERT_STEP_MIN } from "../../worker/limits.ts";
import { readAlerts } from "../alerts/answers.ts";
import { GAMEDAY_FORGOTTEN_MIN, GAMEDAY_PATIENCE_MIN } from "../limits.ts";
import type { Arena } from "./arena.ts";
import { isNews } from "./webhooks.ts";

/** On a quiet day callers come once in so many minutes: twice for each evaluation. */
const CALLERS_EVERY_MIN = 2;
const HOUR_MIN = 60;

/** Hours of usual traffic. Ids of the alerts that were told, which should be none. */
export async function quietHours({ clock, traffic, webhooks }: Arena, hours: number): Promise<string[]> {
  const heard = webhooks.told.length;
  let minutes = 0;
  await clock.passTo(clock.now() + hours * HOUR_MIN * MINUTE_MS, async () => {
    minutes += 1;
    if (minutes % CALLERS_EVERY_MIN === 0) await traffic.minute();
  });
  return webhooks.told.slice(heard).flatMap(({ kind, alert }) => (isNews(kind) ? alert : []));
}

/** Lets time pass until every alert is forgotten, so that the next one flaps no more. False where that takes too long. */
export async function isForgotten({ clock, operator }: Arena): Promise<boolean> {
  const patience_ms = clock.now() + (GAMEDAY_FORGOTTEN_MIN + GAMEDAY_PATIENCE_MIN) * MINUTE_MS;
  await clock.passTo(clock.now() + GAMEDAY_FORGOTTEN_MIN * MINUTE_MS, null);
  for (;;) {
    const { alerts } = await readAlerts(operator);
    if (alerts.length === 0) return true;
    if (clock.now() > patience_ms) return false;
    await clock.passTo(clock.now() + ALERT_STEP_MIN * MINUTE_MS, null);
  }
}
