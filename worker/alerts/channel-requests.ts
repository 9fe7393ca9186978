/**
 * A message as each kind of channel takes it. Pure; the shapes are documented by those who run the channels:
 * https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ · https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/
 * https://developers.cloudflare.com/email-service/api/send-emails/rest-api/
 */
import type { Message } from "./announce.ts";
import type { Channel } from "./configuration.ts";

/** Of PagerDuty; longer ones are refused. */
const DEDUP_KEY_CHARS_MAX = 255;
const SUMMARY_CHARS_MAX = 1_024;
/** Of a section block of Slack. */
const SLACK_TEXT_CHARS_MAX = 3_000;

export interface ChannelRequest {
  url: string;
  headers: Record<string, string>;
  body: unknown;
}

/** @throws Error naming the secret that is missing. */
export function channelRequest(
  channel: Channel,
  message: Message,
  secrets: Readonly<Record<string, string>>,
): ChannelRequest {
  const secret = (name: string): string => {
    const value = secrets[name];
    if (value === undefined || value === "") throw new Error(`ALERT_CHANNEL_SECRETS has no ${name}`);
    return value;
  };
  switch (channel.type) {
    case "slack":
      return { url: secret(channel.url_secret), headers: {}, body: slackBody(message) };
    case "pagerduty":
      return { url: channel.url, headers: {}, body: pagerDutyEvent(message, secret(channel.routing_key_secret)) };
    case "email":
      return {
        url: channel.url,
        headers: bearer(secret(channel.token_secret)),
        body: { from: channel.from, to: channel.to, subject: titleOf(message), text: linesOf(message).join("\n") },
      };
    case "webhook":
      return {
        url: channel.url,
        headers: channel.token_secret === undefined ? {} : bearer(secret(channel.token_secret)),
        body: { ...message, since: new Date(message.since_ms).toISOString() },
      };
  }
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

const ACTIONS = { acknowledged: "acknowledge", resolved: "resolve" } as const;

function pagerDutyEvent(message: Message, routing_key: string) {
  const { kind, alert, severity, environment, value, runbook, changes, on_call } = message;
  const dedup_key = `prism/${environment}/${alert}`.slice(0, DEDUP_KEY_CHARS_MAX);
  if (kind === "acknowledged" || kind === "resolved") return { routing_key, event_action: ACTIONS[kind], dedup_key };
  return {
    routing_key,
    event_action: "trigger",
    dedup_key,
    client: "PRISM",
    payload: {
      summary: titleOf(message).slice(0, SUMMARY_CHARS_MAX),
      source: `prism-${environment}`,
      severity,
      timestamp: new Date(message.since_ms).toISOString(),
      component: "prism",
      class: alert.split(":")[0],
      custom_details: {
        value,
        runbook: runbook === null ? null : commandFor(runbook),
        changed_lately: changes.map(changeLine),
        on_call,
      },
    },
  };
}

function slackBody(message: Message) {
  const text = titleOf(message);
  const [, ...rest] = linesOf(message);
  const section = (body: string) => ({
    type: "section",
    text: {
      type: "mrkdwn",
      text: escaped(body)
        .slice(0, SLACK_TEXT_CHARS_MAX)
        .replace(/&[a-z]{0,3}$/, ""),
    },
  });
  return {
    text: escaped(text),
    blocks: [section(`*${text}*`), ...(rest.length === 0 ? [] : [section(rest.join("\n"))])],
  };
}

/** The three characters that Slack gives a meaning. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

const WORDS = {
  firing: "FIRING",
  escalation: "STILL FIRING, nobody has acknowledged it",
  acknowledged: "ACKNOWLEDGED",
  resolved: "RESOLVED",
  change: "CHANGE",
  test: "TEST",
} as const satisfies Record<Message["kind"], string>;

function titleOf({ kind, severity, summary, environment }: Message): string {
  return `[${WORDS[kind]}] ${severity} · ${summary} · ${environment}`;
}

function linesOf(message: Message): string[] {
  const { alert, value, since_ms, runbook, changes, on_call } = message;
  const people = Object.entries(on_call).map(([rotation, person]) => `${rotation}: ${person}`);
  return [
    titleOf(message),
    `Alert: ${alert}${value === null ? "" : ` (value ${Number(value.toPrecision(4))})`}`,
    `Since: ${new Date(since_ms).toISOString()}`,
    ...(runbook === null ? [] : [`Runbook: ${commandFor(runbook)}`]),
    ...(people.length === 0 ? [] : [`On call: ${people.join(", ")}`]),
    ...(changes.length === 0 ? [] : ["Changed lately:", ...changes.map((change) => `- ${changeLine(change)}`)]),
  ];
}

function commandFor(runbook: string): string {
  return `runbooks/${runbook}.md`;
}

function changeLine({ at_ms, kind, summary }: Message["changes"][number]): string {
  return `${new Date(at_ms).toISOString()} ${kind}: ${summary}`;
}
