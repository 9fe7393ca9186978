/** For tests: the other ends of channels, which take what their makers document and refuse everything else. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";
import { KV_NAMESPACES, SERVICE } from "../../infra/inventory.ts";
import type { Platform } from "../../local/platform.ts";
import type { Answer } from "../service.fixture.ts";
import { type AlertConfiguration, CONFIGURATION_KEY } from "./configuration.ts";

/** https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ */
const routing_key = z.string().length(32);
const dedup_key = z.string().min(1).max(255);
const pagerDutyEvent = z.discriminatedUnion("event_action", [
  z.strictObject({
    event_action: z.literal("trigger"),
    routing_key,
    dedup_key: dedup_key.optional(),
    payload: z.strictObject({
      summary: z.string().min(1).max(1024),
      source: z.string().min(1),
      severity: z.enum(["critical", "error", "warning", "info"]),
      timestamp: z.iso.datetime({ offset: true }).optional(),
      component: z.string().optional(),
      group: z.string().optional(),
      class: z.string().optional(),
      custom_details: z.record(z.string(), z.unknown()).optional(),
    }),
    images: z.array(z.strictObject({ src: z.url(), href: z.url().optional(), alt: z.string().optional() })).optional(),
    links: z.array(z.strictObject({ href: z.url(), text: z.string().optional() })).optional(),
    client: z.string().optional(),
    client_url: z.url().optional(),
  }),
  z.strictObject({ event_action: z.literal("acknowledge"), routing_key, dedup_key }),
  z.strictObject({ event_action: z.literal("resolve"), routing_key, dedup_key }),
]);

/** https://docs.slack.dev/reference/block-kit/blocks/section-block/ */
const slackMessage = z.strictObject({
  text: z.string().min(1).max(40_000),
  blocks: z
    .array(
      z.strictObject({
        type: z.literal("section"),
        text: z.strictObject({
          type: z.enum(["mrkdwn", "plain_text"]),
          // A bare & or < is a mistake: Slack wants entities.
          text: z
            .string()
            .min(1)
            .max(3_000)
            .regex(/^(?:[^&<]|&(?:amp|lt|gt);)*$/),
        }),
      }),
    )
    .max(50),
});

/** https://developers.cloudflare.com/email-service/api/send-emails/rest-api/ */
const mail = z.strictObject({
  from: z.email(),
  to: z.array(z.email()).min(1).max(50),
  subject: z.string().min(1).max(998),
  text: z.string().min(1),
});

const webhookMessage = z.looseObject({ kind: z.string(), alert: z.string(), since: z.iso.datetime() });

const KINDS = { "/pager": pagerDutyEvent, "/slack": slackMessage, "/mail": mail, "/hook": webhookMessage } as const;
/** Whoever receives an alert may lay what it does about it beside what led there. */
const TRACEPARENT = /^00-[\da-f]{32}-[\da-f]{16}-0[01]$/;
const TOKENS: Record<string, string> = { "/mail": "Bearer mail-token", "/hook": "Bearer hook-token" };

interface Received {
  channel: string;
  /** Its shape was checked when it came in; each test states what it expects of it. */
  body: Answer["json"];
}

export interface Channels {
  url: string;
  /** What was taken, oldest first. */
  received: Received[];
  /** What was refused, and why. */
  refused: string[];
  /** Channels that answer 503. */
  down: Set<string>;
  /** A configuration that leads here, and the secrets that it names. */
  configuration(service_url: string): AlertConfiguration;
  secrets: string;
  close(): Promise<void>;
}

export async function startChannels(): Promise<Channels> {
  const received: Received[] = [];
  const refused: string[] = [];
  const down = new Set<string>();
  const server = createServer(async (request, response) => {
    const path = request.url ?? "";
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const answer = (status: number) => response.writeHead(status).end("{}");
    if (down.has(path.slice(1))) return answer(503);
    const schema = KINDS[path as keyof typeof KINDS];
    const parsed = schema?.safeParse(JSON.parse(Buffer.concat(chunks).toString()));
    const authorized = TOKENS[path] === undefined || request.headers.authorization === TOKENS[path];
    const traced = TRACEPARENT.test(String(request.headers.traceparent));
    if (!parsed?.success || !authorized || !traced || request.headers["content-type"] !== "application/json") {
      refused.push(`${path}: ${parsed?.error ? z.prettifyError(parsed.error) : "headers"}`);
      return answer(400);
    }
    received.push({ channel: path.slice(1), body: parsed.data });
    return answer(path === "/pager" ? 202 : 200);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    received,
    refused,
    down,
    secrets: JSON.stringify({
      pager_key: "0123456789abcdef0123456789abcdef",
      slack_url: `${url}/slack`,
      mail_token: "mail-token",
      hook_token: "hook-token",
    }),
    configuration: (service_url) => ({
      service_url,
      channels: {
        pager: { type: "pagerduty", routing_key_secret: "pager_key", url: `${url}/pager` },
        slack: { type: "slack", url_secret: "slack_url" },
        mail: {
          type: "email",
          url: `${url}/mail`,
          token_secret: "mail_token",
          from: "prism@example.com",
          to: ["ops@example.com"],
        },
        hook: { type: "webhook", url: `${url}/hook`, token_secret: "hook_token" },
      },
      routes: { page: ["pager", "slack"], mail: ["mail"], quiet: ["hook"] },
      escalation: [
        { after_min: 15, channels: [], rotation: "primary" },
        { after_min: 30, channels: ["slack"] },
        { after_min: 60, channels: ["slack", "mail", "hook"] },
      ],
      people: {
        ann: { name: "Ann", email: "ann@example.com", channels: ["mail"] },
        bob: { name: "Bob", email: "bob@example.com", channels: ["hook"] },
      },
      rotations: {
        primary: { start: "2026-01-05T09:00:00Z", shift_h: 168, people: ["ann", "bob"], overrides: [] },
      },
      expected_jobs: {},
    }),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Puts a configuration where the Worker looks for it, as `ops alerts configure` does, or removes it. */
export async function putConfiguration(platform: Platform, configuration: unknown): Promise<void> {
  const namespace = platform.runtime.registry.list("kv").find(({ title }) => title === KV_NAMESPACES.config.name)?.id;
  const path = `storage/kv/namespaces/${namespace}/values/${CONFIGURATION_KEY}`;
  const body = typeof configuration === "string" ? configuration : JSON.stringify(configuration);
  await api(platform, "PUT", path, body, "text/plain");
}

/** Sets a secret of the Worker, which deploys a version with it. */
export async function putSecret(platform: Platform, name: string, text: string): Promise<void> {
  await api(platform, "PUT", `workers/scripts/${SERVICE}/secrets`, JSON.stringify({ name, text, type: "secret_text" }));
}

async function api(platform: Platform, method: string, path: string, body: string, type = "application/json") {
  const response = await fetch(`${platform.api_url}/accounts/${platform.account_id}/${path}`, {
    method,
    headers: { authorization: `Bearer ${platform.api_token}`, "content-type": type },
    body,
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
}
