/** Attacks and abuse, from outside as callers see the service. */
import { request as httpRequest } from "node:http";
import { listKeys } from "../../keys/keys.ts";
import type { Arena } from "../arena.ts";
import type { Fault } from "../fault.ts";
import { atOnce, caller, notification } from "../means.ts";

/** Guesses a minute: a throttle lets twenty of an address through. */
const GUESSES = 60;
const ADDRESSES = 12;
/** Of a client whose tier takes sixty a minute. */
const CALLS = 240;
/** So many that they wait for each other no longer than callers do. */
const CALLS_AT_ONCE = 10;
const STRANGER = "127.0.0.66";

/** What the finder of a key knows of it. */
const leaked = new WeakMap<Arena, Record<string, string>>();

/** A guess of a key, from one of this machine's own addresses. */
function guess({ platform }: Arena, address: string): Promise<number> {
  return new Promise((resolve) => {
    const request = httpRequest(`${platform.url}/api/v1/search`, {
      method: "POST",
      localAddress: address,
      agent: false,
      headers: {
        authorization: `Bearer prism_${crypto.randomUUID().replaceAll("-", "")}`,
        "content-type": "application/json",
      },
    });
    request.on("response", (response) => response.resume().on("end", () => resolve(response.statusCode ?? 0)));
    request.on("error", () => resolve(0));
    request.end(JSON.stringify({ query: "anything" }));
  });
}

export const SECURITY_FAULTS: readonly Fault[] = [
  {
    id: "brute-force",
    what: "somebody tries keys by the thousand, from one address",
    alert: "throttled",
    also: ["auth-failures"],
    runbook: "suspicious-activity",
    inject: async () => {},
    workload: (arena) => atOnce(GUESSES, () => guess(arena, STRANGER)),
    passes: async () => {},
    variables: async () => ({ ADDRESS: STRANGER }),
  },
  {
    id: "brute-force-from-many",
    what: "somebody tries keys from many addresses, each below its throttle",
    alert: "auth-failures",
    also: ["throttled"],
    runbook: "suspicious-activity",
    inject: async () => {},
    workload: (arena) => atOnce(GUESSES, (index) => guess(arena, `127.0.1.${1 + (index % ADDRESSES)}`)),
    passes: async () => {},
    variables: async () => ({ ADDRESS: "127.0.1.0/24" }),
  },
  {
    id: "abusive-client",
    what: "a client calls far above its rate and does not slow down",
    alert: "throttled",
    runbook: "abusive-client",
    inject: async (arena) => {
      const client = await caller(arena, { tenant: "abuser", rate_tier: "low" });
      for (let sent = 0; sent < CALLS; sent += CALLS_AT_ONCE)
        await atOnce(CALLS_AT_ONCE, () => client.send("POST", "/api/v1/search", { query: "again" }));
    },
    variables: keyOf("abuser"),
  },
  {
    id: "key-leaked",
    what: "a key was seen in public, and Cloudflare says so",
    alert: "change-cloudflare",
    runbook: "leaked-api-key",
    inject: async (arena) => {
      const { key, key_id } = await caller(arena, { tenant: "leaky" });
      leaked.set(arena, { LEAKED_KEY: key, LEAKED_KEY_ID: key_id });
      await notification(arena, "leaked_credential", "A key of PRISM was found in a public repository");
    },
    variables: async (arena) => ({
      ...leaked.get(arena),
      KEY_NAME: "the owner's next key",
      KEY_TENANT: "leaky",
      KEY_SCOPES: "read,chat",
    }),
  },
];

function keyOf(tenant: string): NonNullable<Fault["variables"]> {
  return async ({ operator }) => {
    const key = (await listKeys(operator)).find((one) => one.tenant === tenant);
    return { KEY_ID: key?.id ?? "" };
  };
}
