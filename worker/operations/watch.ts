/**
 * The watchdog's judgement of the Worker: dead, cron stopped, alert state broken. It asks as callers do, at the Worker's address,
 * and needs nothing of it: configuration and alert state are its own.
 */
import { WATCHDOG } from "../../infra/inventory.ts";
import { announce } from "../alerts/announce.ts";
import type { Observation } from "../alerts/calls.ts";
import type { AlertConfiguration } from "../alerts/configuration.ts";
import { deliver } from "../alerts/deliver.ts";
import { evaluateRule } from "../alerts/evaluate.ts";
import type { MetricName, Reading } from "../alerts/metrics.ts";
import { alertState } from "../alerts/state.ts";
import { WATCHDOG_RULES } from "../alerts/upkeep-rules.ts";
import { within } from "../ground/time-limit.ts";
import { ALERT_SOURCE_TIMEOUT_MS, WATCHDOG_TIMEOUT_MS, WATCHDOG_TRIES } from "../limits.ts";
import { type Health, health } from "../schemas/health.ts";
import { describeError } from "../telemetry/log.ts";
import { formatTraceparent } from "../telemetry/trace.ts";
import type { Work } from "../work.ts";
import { leaveForWorker, readConfiguration, scriptOf, sendDue, senderOf } from "./alerts.ts";

/** Cron of the watchdog: looks, judges, tells. */
export async function watch(work: Work): Promise<void> {
  const { env, now_ms } = work;
  const read = await readConfiguration(work);
  const configuration = typeof read === "object" ? read : await rememberedConfiguration(work);
  if (configuration === null) {
    work.log("WARN", "the watchdog judges nothing: it has no configuration of alerts", { configuration: read });
    return;
  }
  const readings = judge(await ask(work, configuration.service_url), now_ms);
  const observation: Observation = {
    now_ms,
    rules: "watchdog",
    ...scriptOf(work),
    slices: [],
    readings,
    slow_readings: null,
    lasting_readings: [],
    configuration: read,
  };
  try {
    const evaluated = await within(ALERT_SOURCE_TIMEOUT_MS, () => alertState(env).evaluate(observation));
    await sendDue(work, evaluated);
  } catch (error) {
    work.log("ERROR", "the watchdog tells without its own alert state", { error: describeError(error) });
    await tellWithoutState(work, configuration, readings);
    return;
  }
  try {
    await within(ALERT_SOURCE_TIMEOUT_MS, () => leaveForWorker(work));
  } catch (error) {
    work.log("WARN", "the Worker does not hear what the watchdog told", { error: describeError(error) });
  }
}

/** What a health answer says; null where there was none. What cannot be known then has no reading. */
function judge(answer: Health | null, now_ms: number): Reading[] {
  const reading = (metric: MetricName, value: number): Reading => ({ metric, window_min: null, labels: {}, value });
  if (answer === null) return [reading("worker_dead", 1)];
  const { status, evaluated_at } = answer.alerts;
  const isBroken = status !== "healthy";
  return [
    reading("worker_dead", 0),
    reading("alert_state_broken", isBroken ? 1 : 0),
    ...(isBroken || evaluated_at === null
      ? []
      : [reading("evaluation_age_s", (now_ms - Date.parse(evaluated_at)) / 1000)]),
  ];
}

/** Any answer that is one of the Worker's counts, healthy or not: several tries, for one lost packet is no death. */
async function ask({ trace }: Work, service_url: string): Promise<Health | null> {
  for (let tries = 0; tries < WATCHDOG_TRIES; tries++) {
    try {
      const response = await fetch(`${service_url}/health`, {
        headers: { "user-agent": WATCHDOG.name, traceparent: formatTraceparent(trace) },
        signal: AbortSignal.timeout(WATCHDOG_TIMEOUT_MS),
      });
      const answer = health.safeParse(await response.json());
      if (answer.success) return answer.data;
    } catch {
      // No connection, no answer in time, or no JSON: the next try, or dead.
    }
  }
  return null;
}

async function rememberedConfiguration({ env, now_ms }: Work): Promise<AlertConfiguration | null> {
  return within(ALERT_SOURCE_TIMEOUT_MS, () => alertState(env).view(now_ms)).then(
    ({ configuration }) => configuration,
    () => null,
  );
}

/** Every five minutes again, as long as it lasts: PagerDuty takes that for one alert, and too much is better than nothing. */
async function tellWithoutState(work: Work, configuration: AlertConfiguration, readings: Reading[]): Promise<void> {
  const { env, now_ms } = work;
  const situation = { configuration, silences: [], changes: [], environment: env.ENVIRONMENT, now_ms };
  const announcements = WATCHDOG_RULES.flatMap(
    (rule) => announce(rule, evaluateRule(rule, [], readings, now_ms), situation).announcements,
  );
  const deliveries = announcements.flatMap(({ channels, message }) =>
    channels.map((channel, id) => ({ id, channel, message })),
  );
  await deliver(deliveries, senderOf(work, configuration));
}
