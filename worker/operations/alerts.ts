/** The alert state as operators use it, and what evaluates and tells. */
import type { z } from "zod";
import { type Change, type Message, onCallNames, type Silence } from "../alerts/announce.ts";
import type { AlertCalls, AlertView, Evaluated, Observation } from "../alerts/calls.ts";
import { type AlertConfiguration, alertConfiguration, CONFIGURATION_KEY } from "../alerts/configuration.ts";
import { deliver } from "../alerts/deliver.ts";
import { type Heartbeat, lateBy_s, leaseUntil_ms } from "../alerts/heartbeats.ts";
import { REPORTED_METRICS, type Reading } from "../alerts/metrics.ts";
import { ALL_RULES } from "../alerts/rules.ts";
import { alertState } from "../alerts/state.ts";
import { jsonIn } from "../ground/json.ts";
import { Problem } from "../ground/problem.ts";
import { iso, isoOrNull } from "../ground/time.ts";
import { within } from "../ground/time-limit.ts";
import { ALERT_SOURCE_TIMEOUT_MS } from "../limits.ts";
import {
  type AlertList,
  type AlertTest,
  alertList,
  type HeartbeatAnswer,
  type HeartbeatList,
  type HeartbeatRequest,
} from "../schemas/alerts.ts";
import { describeError } from "../telemetry/log.ts";
import { formatTraceparent } from "../telemetry/trace.ts";
import type { Work } from "../work.ts";
import { observe } from "./observe.ts";

/** Cron: observes, evaluates, tells. @throws what the alert state throws: without it nothing is evaluated. */
export async function evaluateAlerts(work: Work): Promise<void> {
  const state = alertState(work.env);
  const [begun, configuration] = await Promise.all([state.begin(work.now_ms), readConfiguration(work)]);
  const observed = await observe(work, begun);
  const { environment, version } = scriptOf(work);
  const observation: Observation = {
    now_ms: work.now_ms,
    rules: "worker",
    environment,
    version,
    configuration,
    ...observed,
  };
  await sendDue(work, await state.evaluate(observation));
}

/** Makes the deliveries that are due, and has the alert state note how they went. */
export async function sendDue(work: Work, { due, configuration }: Evaluated): Promise<void> {
  if (due.length === 0) return;
  const results = await deliver(due, senderOf(work, configuration));
  for (const { channel, error } of results)
    if (error !== null) work.log("WARN", "a channel did not take an alert", { channel, reason: error });
  await alertState(work.env).settle(results, work.now_ms);
}

/** What deliveries need of whoever makes them. */
export function senderOf({ env, trace }: Work, configuration: AlertConfiguration | null) {
  return { configuration, secrets: env.ALERT_CHANNEL_SECRETS, traceparent: formatTraceparent(trace) };
}

export function scriptOf({ env }: Work): Pick<Observation, "environment" | "version"> {
  return { environment: env.ENVIRONMENT, version: env.VERSION.id };
}

/** Never rejects. */
export async function readConfiguration(work: Work): Promise<Observation["configuration"]> {
  const text = await within(ALERT_SOURCE_TIMEOUT_MS, () =>
    work.timings.measure("kv", () => work.env.CONFIG.get(CONFIGURATION_KEY)),
  ).catch(() => undefined);
  if (text === undefined) return "unreachable";
  if (text === null) return "none";
  return alertConfiguration.safeParse(jsonIn(text)).data ?? "invalid";
}

/** Of what a script has told, in the CONFIG namespace. */
const WATCHDOG_KEY = "alerts-of-watchdog";
const told = alertList.pick({ alerts: true, deliveries: true });

/** What the watchdog has told, for the Worker to answer with once it lives again: there is no way into the watchdog. @throws what KV throws. */
export async function leaveForWorker({ env, now_ms }: Work): Promise<void> {
  const text = JSON.stringify(toldOf(await alertState(env).view(now_ms)));
  // The free plan has a thousand writes a day, and on most days nothing is told.
  if ((await env.CONFIG.get(WATCHDOG_KEY)) !== text) await env.CONFIG.put(WATCHDOG_KEY, text);
}

/** The Worker's and the watchdog's. @throws Problem `alerts-unavailable`, as all below do. */
export async function listAlerts(work: Work): Promise<AlertList> {
  const left = within(ALERT_SOURCE_TIMEOUT_MS, () => work.env.CONFIG.get(WATCHDOG_KEY)).catch(() => null);
  const [view, text] = await Promise.all([asked(work, (state) => state.view(work.now_ms)), left]);
  const { configuration, configuration_state } = view;
  const [own, watchdogs] = [toldOf(view), told.safeParse(jsonIn(text ?? "")).data];
  const deliveries = [...own.deliveries, ...(watchdogs?.deliveries ?? [])];
  return {
    evaluated_at: isoOrNull(view.evaluated_ms),
    configuration: configuration_state,
    channels: Object.entries(configuration?.channels ?? {}).map(([id, { type }]) => ({ id, type })),
    on_call: onCallNames(configuration, work.now_ms),
    alerts: [...own.alerts, ...(watchdogs?.alerts ?? [])],
    silences: view.silences.map(silenceAnswer),
    jobs: jobsOf(view, work.now_ms),
    deliveries: deliveries.sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at)),
    changes: view.changes.map(({ at_ms, ...change }: Change) => ({ at: iso(at_ms), ...change })),
  };
}

function toldOf({ alerts, silences, deliveries }: AlertView): z.infer<typeof told> {
  return {
    alerts: alerts.map((alert) => {
      const rule = ALL_RULES.find(({ id }) => id === alert.rule);
      const silence = silences.find(({ id }) => id === alert.id || id === alert.rule);
      return {
        id: alert.id,
        rule: alert.rule,
        labels: alert.labels,
        state: alert.state,
        severity: rule?.severity ?? "warning",
        summary: rule?.summary ?? alert.rule,
        runbook: rule?.runbook ?? null,
        value: alert.value,
        since: iso(alert.since_ms),
        flaps: alert.flaps,
        told_at: isoOrNull(alert.told_ms),
        escalated: alert.escalated,
        acknowledged: alert.acknowledged && { by: alert.acknowledged.by, at: iso(alert.acknowledged.at_ms) },
        silenced_until: isoOrNull(silence?.until_ms ?? null),
      };
    }),
    deliveries: deliveries.map(({ created_ms, at_ms, ...delivery }) => ({
      ...delivery,
      created_at: iso(created_ms),
      at: iso(at_ms),
    })),
  };
}

/** @throws Problem `no-such-alert` where none with this id fires. */
export async function acknowledgeAlert(work: Work, id: string) {
  const by = work.caller.key_id;
  const alert = await asked(work, (state) => state.acknowledge(id, by, work.now_ms));
  if (alert === null) throw new Problem("no-such-alert", "No alert with this id is firing.");
  // Whoever is being called meanwhile need not wait for cron; what fails now is cron's.
  const told = alertState(work.env)
    .due(work.now_ms)
    .then((due) => sendDue(work, due))
    .catch((error: unknown) => work.log("WARN", "an acknowledgement waits for cron", { error: describeError(error) }));
  work.later(told);
  const at_ms = alert.acknowledged?.at_ms ?? work.now_ms;
  return { id, acknowledged: { by: alert.acknowledged?.by ?? by, at: iso(at_ms) } };
}

/** @throws Problem `no-such-alert` where there is neither an alert nor a rule with this id. */
export async function silenceAlert(work: Work, id: string, { minutes, reason }: { minutes: number; reason: string }) {
  const until_ms = work.now_ms + minutes * 60_000;
  const wanted: Silence = { id, until_ms, by: work.caller.key_id, reason };
  const silence = await asked(work, (state) => state.silence(wanted, work.now_ms));
  if (silence === null) throw new Problem("no-such-alert", "There is neither an alert nor a rule with this id.");
  return silenceAnswer(silence);
}

/** Sends a message of kind `test` through one channel, at once and once. @throws Problem `no-such-channel`. */
export async function testChannel(work: Work, channel: string): Promise<AlertTest> {
  const configuration = await readConfiguration(work);
  if (typeof configuration === "string" || !Object.hasOwn(configuration.channels, channel)) {
    const why = typeof configuration === "string" ? `The configuration of alerts is ${configuration}.` : "";
    throw new Problem("no-such-channel", `There is no channel ${channel} that could be tried. ${why}`.trim());
  }
  const message: Message = {
    kind: "test",
    alert: "test",
    severity: "info",
    summary: "A test of this channel: nothing is wrong",
    value: null,
    since_ms: work.now_ms,
    runbook: null,
    changes: [],
    on_call: onCallNames(configuration, work.now_ms),
    environment: work.env.ENVIRONMENT,
  };
  const [result] = await deliver([{ id: 0, channel, message }], senderOf(work, configuration));
  return { channel, delivered: result?.error === null, error: result?.error ?? null };
}

/** Jobs as their last heartbeats left them. */
export async function listHeartbeats(work: Work): Promise<HeartbeatList> {
  return { jobs: jobsOf(await asked(work, (state) => state.view(work.now_ms)), work.now_ms) };
}

function jobsOf({ jobs }: AlertView, now_ms: number): HeartbeatList["jobs"] {
  return jobs.map((job) => ({
    job: job.job,
    result: job.result,
    at: iso(job.at_ms),
    duration_ms: job.duration_ms,
    succeeded_at: isoOrNull(job.succeeded_ms),
    run_id: job.run_id,
    due_at: isoOrNull(job.due_ms),
    lease_until: isoOrNull(leaseUntil_ms(job)),
    next_due_at: isoOrNull(job.next_due_ms),
    late_s: lateBy_s(job, now_ms),
  }));
}

/** @throws Problem `no-such-job`, `job-claimed`. */
export async function takeHeartbeat(work: Work, job: string, body: HeartbeatRequest): Promise<HeartbeatAnswer> {
  const { result, duration_ms, run_id, grace_s, measures } = body;
  const { now_ms } = work;
  const said_ms = msOrNull(body.at) ?? now_ms;
  const at_ms = Math.min(said_ms, now_ms);
  // By a clock that is ahead the next one would be missed for as long.
  const next_due_ms = body.next_due_at === null ? null : Date.parse(body.next_due_at) - (said_ms - at_ms);
  const reported = REPORTED_METRICS.flatMap((metric): Reading[] => {
    const value = measures[metric];
    return value === undefined ? [] : [{ metric, window_min: null, labels: {}, value }];
  });
  const due_ms = msOrNull(body.due_at);
  const beat: Heartbeat = { result, at_ms, duration_ms, run_id, grace_s, due_ms, next_due_ms };
  const taken = await asked(work, (state) => state.heartbeat(job, beat, reported, now_ms));
  if (taken.refused === "full")
    throw new Problem("no-such-job", "No job of this name has reported, and no further one can be remembered.");
  if (taken.refused !== null) {
    const why = taken.refused === "running" ? "is under way" : "was for this date already";
    throw new Problem("job-claimed", `Another run of this job ${why}.`);
  }
  return { job, result, at: iso(at_ms), next_due_at: isoOrNull(taken.job?.next_due_ms ?? null) };
}

/** Notes what Cloudflare says, for the next evaluation to tell. @throws Problem `alerts-unavailable`. */
export function noteNotification(work: Work, summary: string): Promise<void> {
  // It becomes a mail's subject and a line among others, of which it must not feign any.
  const line = summary.replace(/[\s\p{Cc}]+/gu, " ").trim();
  return asked(work, (state) => state.note("cloudflare", line, work.now_ms));
}

/** Notes it for the next evaluation to tell. An incident is open whether or not this can be told. */
export function tellOfIncident(work: Work, summary: string): void {
  const noted = asked(work, (state) => state.note("incident", summary, work.now_ms));
  work.later(
    noted.catch((error: unknown) => work.log("WARN", "an incident is not told", { error: describeError(error) })),
  );
}

async function asked<T>({ env }: Work, ask: (state: DurableObjectStub<AlertCalls>) => Promise<T>): Promise<T> {
  try {
    return await ask(alertState(env));
  } catch (cause) {
    throw new Problem("alerts-unavailable", "The alert state does not answer.", { cause });
  }
}

function silenceAnswer({ id, until_ms, by, reason }: Silence) {
  return { id, until: iso(until_ms), by, reason };
}

function msOrNull(at: string | null): number | null {
  return at === null ? null : Date.parse(at);
}
