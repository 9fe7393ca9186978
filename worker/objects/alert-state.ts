/**
 * The alert state of one script: alerts, silences, deliveries, heartbeats, what changed lately, and what the meter counted in the
 * last three days. One SQLite Durable Object, never D1: it must work when D1 is what is broken.
 *
 * The rules are in `alerts/`; this only remembers. Deliveries are made by whoever calls, at least once: one that was made and could
 * not be settled is made again, which PagerDuty's `dedup_key` makes harmless.
 */

import { DurableObject } from "cloudflare:workers";
import {
  type Announcement,
  announce,
  announceChange,
  type Change,
  channelsOf,
  messageOf,
  type Silence,
} from "../alerts/announce.ts";
import type { AlertCalls, AlertView, Beginning, Evaluated, Observation, TakenHeartbeat } from "../alerts/calls.ts";
import type { AlertConfiguration } from "../alerts/configuration.ts";
import type { DeliveryResult } from "../alerts/deliver.ts";
import { type Alert, evaluateRule } from "../alerts/evaluate.ts";
import { afterHeartbeat, awaitedJobs, type Heartbeat, jobReadings, refusalOf } from "../alerts/heartbeats.ts";
import type { Reading } from "../alerts/metrics.ts";
import type { AlertRule, ChangeKind } from "../alerts/rule.ts";
import { ALL_RULES, RULES } from "../alerts/rules.ts";
import { WATCHDOG_RULES } from "../alerts/upkeep-rules.ts";
import { type Slice, windowReadings, windowsOf, withoutDurations } from "../alerts/windows.ts";
import type { Env } from "../env.ts";
import { MINUTE_MS, minutesBetween } from "../ground/time.ts";
import {
  ALERT_ATTEMPTS_MAX,
  ALERT_CHANGES_KEPT,
  ALERT_CHANGES_SHOWN,
  ALERT_CHANGES_WINDOW_MIN,
  ALERT_DELIVERIES_KEPT,
  ALERT_DELIVERIES_PER_RUN_MAX,
  ALERT_DURATIONS_KEPT_MIN,
  ALERT_RETRY_BASE_MIN,
  ALERT_RETRY_MAX_MIN,
  ALERT_SLICES_KEPT_MIN,
  ALERT_SLOW_FIGURES_MIN,
  ALERT_STEP_MIN,
  HEARTBEAT_JOBS_MAX,
} from "../limits.ts";
import { AlertTables } from "./alert-tables.ts";

const RULE_SETS = { worker: RULES, watchdog: WATCHDOG_RULES } as const;
const WINDOWS = windowsOf(RULES);
/** Jobs whose success is a change that alerts should name. */
const CHANGING_JOBS: readonly ChangeKind[] = ["deploy", "backup", "scale", "incident"];

export class AlertState extends DurableObject<Env> implements AlertCalls {
  readonly #tables: AlertTables;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#tables = new AlertTables(ctx.storage.sql);
    if (this.#tables.fact("born_ms") === null) this.#tables.setFact("born_ms", Date.now());
  }

  begin(now_ms: number): Beginning {
    const slow_ms = this.#tables.fact<number>("slow_ms") ?? 0;
    return {
      observed_minute: this.#tables.fact<number>("observed_minute"),
      slow_due: minutesBetween(slow_ms, now_ms) >= ALERT_SLOW_FIGURES_MIN,
    };
  }

  evaluate(observation: Observation): Evaluated {
    // All of it or nothing, so that an alert is not told twice because the rest failed.
    return this.ctx.storage.transactionSync(() => this.#evaluate(observation));
  }

  due(now_ms: number): Evaluated {
    return {
      due: this.#tables.dueDeliveries(now_ms, ALERT_DELIVERIES_PER_RUN_MAX),
      configuration: this.#tables.fact<AlertConfiguration>("configuration"),
    };
  }

  settle(results: DeliveryResult[], now_ms: number): void {
    const failures = this.#failures();
    for (const { id, channel, error } of results) {
      const record = this.#tables.delivery(id);
      failures[channel] = error === null ? 0 : (failures[channel] ?? 0) + 1;
      if (record === null) continue;
      const attempts = record.attempts + 1;
      const pause_min = Math.min(ALERT_RETRY_BASE_MIN * 2 ** (attempts - 1), ALERT_RETRY_MAX_MIN);
      const given_up = error !== null && attempts >= ALERT_ATTEMPTS_MAX;
      const state = error === null ? "sent" : given_up ? "given up" : "waiting";
      // Cron comes by the step: due on the dot, a try would miss its run by what the delivery took, and wait for the next.
      const at_ms = state === "waiting" ? now_ms + (pause_min - ALERT_STEP_MIN / 2) * MINUTE_MS : now_ms;
      this.#tables.settle(id, { state, attempts, at_ms, error });
    }
    this.#tables.setFact("channel_failures", failures);
    this.#tables.dropDeliveries(ALERT_DELIVERIES_KEPT);
  }

  view(now_ms: number): AlertView {
    const state = this.#tables.fact<AlertView["configuration_state"]>("configuration_state") ?? "none";
    return {
      evaluated_ms: this.#tables.fact<number>("evaluated_ms"),
      alerts: this.#tables.alerts(),
      silences: this.#tables.silences(now_ms),
      jobs: this.#tables.jobs(),
      deliveries: this.#tables.deliveries(),
      changes: this.#tables.changes(0),
      configuration: this.#tables.fact<AlertConfiguration>("configuration"),
      configuration_state: state,
    };
  }

  acknowledge(id: string, by: string, now_ms: number): Alert | null {
    const alert = this.#tables.alerts().find((one) => one.id === id && one.state === "firing");
    const rule = ALL_RULES.find((one) => one.id === alert?.rule);
    if (alert === undefined || rule === undefined) return null;
    if (alert.acknowledged !== null) return alert;
    const acknowledged: Alert = { ...alert, acknowledged: { by, at_ms: now_ms } };
    this.#tables.putAlert(acknowledged);
    const configuration = this.#tables.fact<AlertConfiguration>("configuration");
    const environment = this.#tables.fact<string>("environment") ?? "";
    const message = messageOf("acknowledged", rule, acknowledged, { configuration, changes: [], environment, now_ms });
    if (alert.told_ms !== null) this.#enqueue([{ channels: channelsOf(rule, alert, configuration), message }], now_ms);
    return acknowledged;
  }

  silence(silence: Silence, now_ms: number): Silence | null {
    const { id } = silence;
    const isKnown = ALL_RULES.some((rule) => rule.id === id) || this.#tables.alerts().some((alert) => alert.id === id);
    if (!isKnown) return null;
    this.#tables.putSilence(silence, now_ms);
    return silence;
  }

  heartbeat(job: string, beat: Heartbeat, reported: Reading[], now_ms: number): TakenHeartbeat {
    const jobs = this.#tables.jobs();
    const before = jobs.find((one) => one.job === job) ?? null;
    if (before === null && jobs.length >= HEARTBEAT_JOBS_MAX) return { job: null, refused: "full" };
    const refused = refusalOf(before, beat);
    if (before !== null && refused === "older") return { job: before, refused: null };
    if (refused === "running" || refused === "done") return { job: before, refused };
    const after = afterHeartbeat(job, before, beat);
    this.#tables.putJob(after);
    this.report(job, reported);
    const kind = CHANGING_JOBS.find((one) => one === job);
    if (kind !== undefined && beat.result === "success") this.note(kind, `${job} reports success`, now_ms);
    return { job: after, refused: null };
  }

  report(by: string, readings: Reading[]): void {
    if (readings.length === 0) return;
    const kept = (this.#tables.fact<Reading[]>("reported") ?? []).filter(
      ({ metric, labels }) => labels.by !== by || !readings.some((one) => one.metric === metric),
    );
    this.#tables.setFact("reported", [...kept, ...readings.map((one) => ({ ...one, labels: { ...one.labels, by } }))]);
  }

  watched(now_ms: number): void {
    this.#tables.setFact("watched_ms", now_ms);
  }

  /** Told with the next evaluation. */
  note(kind: ChangeKind, summary: string, now_ms: number): void {
    this.#tables.addChange({ at_ms: now_ms, kind, summary }, ALERT_CHANGES_KEPT);
  }

  /** Before the first evaluation it is as old as the state: whoever waits for that one waits from then on. */
  pulse(): number {
    return this.#tables.fact<number>("evaluated_ms") ?? this.#tables.fact<number>("born_ms") ?? 0;
  }

  #evaluate(observation: Observation): Evaluated {
    const { now_ms, environment, slices, slow_readings, lasting_readings } = observation;
    const configuration = this.#learnConfiguration(observation.configuration);
    this.#tables.setFact("environment", environment);
    this.#noteVersion(observation);
    for (const slice of slices) this.#keep(slice);
    if (slow_readings !== null) {
      this.#tables.setFact("slow_readings", slow_readings);
      this.#tables.setFact("slow_ms", now_ms);
    }
    this.#hold(lasting_readings);
    for (const job of awaitedJobs(configuration, this.#tables.jobs(), now_ms)) this.#tables.putJob(job);
    const readings = this.#readings(observation);
    const silences = this.#tables.silences(now_ms);
    const since_ms = now_ms - ALERT_CHANGES_WINDOW_MIN * MINUTE_MS;
    const changes = this.#tables.changes(since_ms).slice(0, ALERT_CHANGES_SHOWN);
    const situation = { configuration, silences, changes, environment, now_ms };
    const known = this.#tables.alerts();
    const rules = RULE_SETS[observation.rules];
    const announcements = rules.flatMap((rule) => {
      const before = known.filter((alert) => alert.rule === rule.id);
      const told = announce(rule, evaluateRule(rule, before, readings, now_ms), situation);
      this.#tables.replaceAlerts(rule.id, told.alerts);
      return told.announcements;
    });
    const untold = this.#tables.takeUntoldChanges();
    const news = untold.flatMap((change) => announceChange(ruleOf(change, rules), change, situation) ?? []);
    this.#enqueue([...announcements, ...news], now_ms);
    this.#tables.setFact("evaluated_ms", now_ms);
    return this.due(now_ms);
  }

  #learnConfiguration(read: Observation["configuration"]): AlertConfiguration | null {
    if (read === "none") this.#tables.setFact("configuration", null);
    else if (typeof read === "object") this.#tables.setFact("configuration", read);
    // With an invalid one, whoever was told before is still told: that it is invalid, for one.
    if (read !== "unreachable") this.#tables.setFact("configuration_state", typeof read === "object" ? "valid" : read);
    return this.#tables.fact<AlertConfiguration>("configuration");
  }

  #noteVersion({ version, now_ms, rules }: Observation): void {
    const before = this.#tables.fact<string>("version");
    if (before === version) return;
    this.#tables.setFact("version", version);
    if (before !== null && rules === "worker")
      this.note("deploy", `version ${version} serves instead of ${before}`, now_ms);
  }

  #keep({ from_minute, to_minute, tally }: Slice): void {
    this.#tables.putSlice({ from_minute, to_minute, tally });
    this.#tables.dropSlices(to_minute - ALERT_SLICES_KEPT_MIN);
    this.#tables.thinSlices(to_minute - ALERT_DURATIONS_KEPT_MIN, withoutDurations);
    this.#tables.setFact("observed_minute", to_minute);
  }

  #readings({ now_ms, readings, rules }: Observation): Reading[] {
    if (rules === "watchdog") return readings;
    const moment = (metric: Reading["metric"], value: number, labels: Reading["labels"] = {}): Reading => ({
      metric,
      window_min: null,
      labels,
      value,
    });
    const failures = this.#failures();
    const watched_ms = this.#tables.fact<number>("watched_ms");
    const isInvalid = this.#tables.fact<string>("configuration_state") === "invalid";
    return [
      ...readings,
      ...(this.#tables.fact<Reading[]>("slow_readings") ?? []),
      ...(this.#tables.fact<Reading[]>("lasting_readings") ?? []),
      ...(this.#tables.fact<Reading[]>("reported") ?? []),
      ...windowReadings(this.#tables.slices(), WINDOWS, Math.floor(now_ms / MINUTE_MS)),
      ...jobReadings(this.#tables.jobs(), now_ms),
      ...Object.keys(this.#tables.fact<AlertConfiguration>("configuration")?.channels ?? {}).map((channel) =>
        moment("channel_failures", failures[channel] ?? 0, { channel }),
      ),
      moment("configuration_invalid", isInvalid ? 1 : 0),
      // Where there is no watchdog, none falls silent.
      ...(watched_ms === null ? [] : [moment("watchdog_age_s", (now_ms - watched_ms) / 1000)]),
    ];
  }

  #hold(readings: readonly Reading[]): void {
    const seriesOf = ({ metric, labels }: Reading): string => JSON.stringify([metric, labels]);
    const known = (this.#tables.fact<Reading[]>("lasting_readings") ?? []).map((one) => [seriesOf(one), one] as const);
    const held = new Map([...known, ...readings.map((one) => [seriesOf(one), one] as const)]);
    this.#tables.setFact("lasting_readings", [...held.values()]);
  }

  #failures(): Record<string, number> {
    return this.#tables.fact<Record<string, number>>("channel_failures") ?? {};
  }

  #enqueue(announcements: readonly Announcement[], now_ms: number): void {
    for (const { channels, message } of announcements)
      for (const channel of channels) {
        if (message.kind === "resolved") this.#tables.overtake(channel, message.alert, now_ms);
        this.#tables.addDelivery(channel, message, now_ms);
      }
  }
}

function ruleOf({ kind }: Change, rules: readonly AlertRule[]): AlertRule {
  const rule = rules.find(({ condition }) => "change" in condition && condition.change === kind);
  if (rule === undefined) throw new Error(`no rule tells of a change of kind ${kind}`);
  return rule;
}
