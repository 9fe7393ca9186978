/** Hands messages to channels: one try each, all at once. What is tried again, and when, the alert state decides. */
import { ALERT_CHANNEL_TIMEOUT_MS } from "../limits.ts";
import type { Message } from "./announce.ts";
import { channelRequest } from "./channel-requests.ts";
import { type AlertConfiguration, channelSecrets } from "./configuration.ts";

export interface Delivery {
  id: number;
  channel: string;
  message: Message;
}

export interface DeliveryResult {
  id: number;
  channel: string;
  /** Null: the channel took it. Never with an address or a secret. */
  error: string | null;
}

interface Sender {
  configuration: AlertConfiguration | null;
  /** `ALERT_CHANNEL_SECRETS`. */
  secrets: string;
  /** Of the work that tells. */
  traceparent: string;
}

/** Never rejects. */
export function deliver(deliveries: readonly Delivery[], sender: Sender): Promise<DeliveryResult[]> {
  return Promise.all(
    deliveries.map(async ({ id, channel, message }) => ({
      id,
      channel,
      error: await attempt(channel, message, sender),
    })),
  );
}

async function attempt(
  id: string,
  message: Message,
  { configuration, secrets, traceparent }: Sender,
): Promise<string | null> {
  const channel = configuration?.channels[id];
  if (channel === undefined) return "it is not configured any more";
  const request = prepared(() => channelRequest(channel, message, channelSecrets(secrets)));
  if (typeof request === "string") return request;
  try {
    const response = await fetch(request.url, {
      method: "POST",
      headers: { "content-type": "application/json", traceparent, ...request.headers },
      body: JSON.stringify(request.body),
      // A redirect would take the secret elsewhere.
      redirect: "manual",
      signal: AbortSignal.timeout(ALERT_CHANNEL_TIMEOUT_MS),
    });
    await response.body?.cancel();
    return response.ok ? null : `it answered ${response.status}`;
  } catch (error) {
    return error instanceof Error && error.name === "TimeoutError" ? "no answer in time" : "no connection";
  }
}

/** What is to be sent, or why it cannot be. Errors of parsers quote their input, which is secret here. */
function prepared<T>(make: () => T): T | string {
  try {
    return make();
  } catch (error) {
    const isOurs = error instanceof Error && error.message.startsWith("ALERT_CHANNEL_SECRETS");
    return isOurs ? error.message : "ALERT_CHANNEL_SECRETS is no JSON object of texts";
  }
}
