/**
 * `up`, told: what it does as it does it, and its silences. The provider's client waits as long as Cloudflare says when the token's requests
 * of five minutes are spent, twice if need be, and prints nothing meanwhile.
 */
import type { StackOutputs } from "../../infra/outputs.ts";
import { counted } from "../../worker/ground/counted.ts";
import type { Invocation } from "../command/invocation.ts";
import { UP_REQUESTS_MAX, UP_SILENCE_MS } from "../limits.ts";
import type { Delivery } from "../stack/delivery.ts";

/** Runs `up` with a note for each step, before it where the requests will not do, and while it is silent. */
export async function toldUp(
  { driver, client, account_id }: Pick<Delivery, "driver" | "client" | "account_id">,
  { note }: Pick<Invocation, "note">,
): Promise<StackOutputs> {
  const answer = await client.queues.list({ account_id }).asResponse();
  const left = requestsLeft(answer.headers.get("ratelimit"));
  if (left !== null && left.requests < UP_REQUESTS_MAX)
    note(
      `This token has ${counted(left.requests, "request")} left for ${left.seconds} s, and up may need ${UP_REQUESTS_MAX}: the provider then waits, in silence, until Cloudflare takes more (5 minutes at most, twice).`,
    );
  let heard_ms = performance.now();
  const timer = setInterval(() => {
    const silent_s = Math.round((performance.now() - heard_ms) / 1000);
    note(`No step for ${silent_s} s. The provider waits without a word when the token's requests are spent.`);
  }, UP_SILENCE_MS);
  try {
    return await driver.up(({ kind, name }) => {
      heard_ms = performance.now();
      timer.refresh();
      if (kind !== "same") note(`${kind} ${name}`);
    });
  } finally {
    clearInterval(timer);
  }
}

/** `"default";r=50;t=30` (draft-ietf-httpapi-ratelimit-headers): what is left and for how long; null for anything else. */
export function requestsLeft(header: string | null): { requests: number; seconds: number } | null {
  const [, requests, seconds] = /;\s*r=(\d+);\s*t=(\d+)/.exec(header ?? "") ?? [];
  return requests === undefined ? null : { requests: Number(requests), seconds: Number(seconds) };
}
