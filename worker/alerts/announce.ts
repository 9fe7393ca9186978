/**
 * Who is told what of the alerts as they stand now. Pure: it returns messages for channels and the alerts with what was told noted
 * on them; `deliver.ts` sends, `objects/alert-state.ts` remembers.
 */
import { minutesBetween } from "../ground/time.ts";
import type { AlertConfiguration } from "./configuration.ts";
import type { Alert } from "./evaluate.ts";
import { onCallAt } from "./on-call.ts";
import type { AlertRule, ChangeKind, Severity } from "./rule.ts";

const CHANNEL_RULE = "channel-failing";

/** Something that was done or happened: what an alert names as lately changed. */
export interface Change {
  at_ms: number;
  kind: ChangeKind;
  summary: string;
}

export interface Silence {
  /** Of an alert, or of a rule: then of all its alerts. */
  id: string;
  until_ms: number;
  by: string;
  reason: string;
}

/** What a channel is told. */
export interface Message {
  kind: "firing" | "escalation" | "acknowledged" | "resolved" | "change" | "test";
  /** The alert's; equal for all messages about it. */
  alert: string;
  severity: Severity;
  summary: string;
  value: number | null;
  /** When it fired or happened. */
  since_ms: number;
  runbook: string | null;
  /** Newest first. */
  changes: Change[];
  /** Names of who is on call, by rotation. */
  on_call: Record<string, string>;
  environment: string;
}

export interface Announcement {
  channels: string[];
  message: Message;
}

interface Situation {
  configuration: AlertConfiguration | null;
  silences: readonly Silence[];
  /** Lately, newest first. */
  changes: Change[];
  environment: string;
  now_ms: number;
}

/** Whether an alert is silenced now. */
function isSilenced({ id, rule }: Pick<Alert, "id" | "rule">, silences: readonly Silence[], now_ms: number): boolean {
  return silences.some((one) => (one.id === id || one.id === rule) && one.until_ms > now_ms);
}

/** Messages about the alerts of one rule, and the alerts with what was told. */
export function announce(
  rule: AlertRule,
  alerts: readonly Alert[],
  situation: Situation,
): { alerts: Alert[]; announcements: Announcement[] } {
  const announcements: Announcement[] = [];
  const { configuration, silences, now_ms } = situation;
  const tell = (kind: Message["kind"], alert: Alert, channels: readonly string[]): boolean => {
    if (channels.length === 0) return false;
    announcements.push({ channels: [...new Set(channels)], message: messageOf(kind, rule, alert, situation) });
    return true;
  };
  const told = alerts.map((alert): Alert => {
    const channels = channelsOf(rule, alert, configuration);
    if (alert.state === "resolved" && alert.told_ms !== null) {
      const steps = (configuration?.escalation ?? []).slice(0, alert.escalated);
      tell("resolved", alert, [...channels, ...steps.flatMap((step) => step.channels)]);
      return { ...alert, told_ms: null };
    }
    if (alert.state !== "firing" || isSilenced(alert, silences, now_ms)) return alert;
    if (alert.told_ms === null) return tell("firing", alert, channels) ? { ...alert, told_ms: now_ms } : alert;
    const step = configuration?.escalation[alert.escalated];
    const isDue = step !== undefined && minutesBetween(alert.told_ms, now_ms) >= step.after_min;
    if (!isDue || rule.severity !== "critical" || alert.acknowledged !== null) return alert;
    tell("escalation", alert, [...step.channels, ...personsChannels(configuration, step.rotation, now_ms)]);
    return { ...alert, escalated: alert.escalated + 1 };
  });
  return { alerts: told, announcements };
}

/** The message about a change, for the rule of its kind. */
export function announceChange(rule: AlertRule, change: Change, situation: Situation): Announcement | null {
  const channels = situation.configuration?.routes[rule.channels] ?? [];
  if (channels.length === 0) return null;
  const { id, severity, runbook } = rule;
  const { environment, now_ms } = situation;
  const message: Message = {
    kind: "change",
    alert: id,
    severity,
    summary: `${rule.summary}: ${change.summary}`,
    value: null,
    since_ms: change.at_ms,
    runbook,
    changes: [],
    on_call: onCallNames(situation.configuration, now_ms),
    environment,
  };
  return { channels, message };
}

/** A channel that fails is not told of it: all others are, where the route has no other. */
export function channelsOf(rule: AlertRule, alert: Alert, configuration: AlertConfiguration | null): string[] {
  if (configuration === null) return [];
  const route = configuration.routes[rule.channels];
  if (rule.id !== CHANNEL_RULE) return route;
  const others = (ids: string[]) => ids.filter((id) => id !== alert.labels.channel);
  const rest = others(route);
  return rest.length > 0 ? rest : others(Object.keys(configuration.channels));
}

export function messageOf(
  kind: Message["kind"],
  rule: AlertRule,
  alert: Alert,
  situation: Omit<Situation, "silences">,
): Message {
  const { changes, environment, configuration, now_ms } = situation;
  const subject = Object.values(alert.labels).join(", ");
  return {
    kind,
    alert: alert.id,
    severity: rule.severity,
    summary: subject === "" ? rule.summary : `${rule.summary} (${subject})`,
    value: alert.value,
    since_ms: alert.fired_ms ?? alert.since_ms,
    runbook: rule.runbook,
    changes,
    on_call: onCallNames(configuration, now_ms),
    environment,
  };
}

/** Who is on call now, by rotation. */
export function onCallNames(configuration: AlertConfiguration | null, now_ms: number): Record<string, string> {
  return Object.fromEntries(
    Object.entries(configuration?.rotations ?? {}).flatMap(([rotation, rota]) => {
      const person = onCallAt(rota, now_ms);
      return person === null ? [] : [[rotation, configuration?.people[person]?.name ?? person]];
    }),
  );
}

function personsChannels(
  configuration: AlertConfiguration | null,
  rotation: string | undefined,
  now_ms: number,
): string[] {
  const rota = configuration?.rotations[rotation ?? ""];
  const person = rota === undefined ? null : onCallAt(rota, now_ms);
  return configuration?.people[person ?? ""]?.channels ?? [];
}
