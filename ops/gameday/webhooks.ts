/** The other end of the channels: takes what alerts tell, as a pager or a mailbox would, and notes when. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { z } from "zod";
import type { AlertConfiguration } from "../../worker/alerts/configuration.ts";

const told = z.looseObject({ kind: z.string(), alert: z.string() });

export interface Told {
  channel: string;
  kind: string;
  /** Id of the alert: its rule, and the values of its labels. */
  alert: string;
  at_ms: number;
}

export interface Webhooks {
  /** Oldest first. */
  told: Told[];
  /** Channels that answer 503. */
  down: Set<string>;
  /** Who is told on a game day: everything comes here. */
  configuration(service_url: string): AlertConfiguration;
  close(): Promise<void>;
}

/** Channel of each route. */
const CHANNELS = { page: "pager", mail: "desk", quiet: "log" } as const;

/** `now`: the platform's clock. */
export async function startWebhooks(now: () => number): Promise<Webhooks> {
  const heard: Told[] = [];
  const down = new Set<string>();
  const server = createServer(async (request, response) => {
    const channel = (request.url ?? "/").slice(1);
    const body = await text(request);
    if (down.has(channel)) return response.writeHead(503).end();
    const message = told.safeParse(JSON.parse(body));
    if (!message.success) return response.writeHead(400).end();
    const { kind, alert } = message.data;
    heard.push({ channel, kind, alert, at_ms: now() });
    return response.writeHead(200).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const channels = Object.values(CHANNELS);
  return {
    told: heard,
    down,
    configuration: (service_url) => ({
      service_url,
      channels: Object.fromEntries(channels.map((name) => [name, { type: "webhook", url: `${url}/${name}` }])),
      routes: { page: [CHANNELS.page], mail: [CHANNELS.mail], quiet: [CHANNELS.quiet] },
      escalation: [],
      people: {},
      rotations: {},
      expected_jobs: {},
    }),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Whether a message is the first word of something; a change is told once and has no state. */
export function isNews(kind: string): boolean {
  return kind === "firing" || kind === "change";
}

/** The rule of an alert's id. */
export function ruleOf(alert: string): string {
  return alert.split(":")[0] ?? alert;
}
