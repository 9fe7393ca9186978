/** Addresses that may not call at all: keys `blocked:<address>` in the CONFIG namespace. */
import type { Context } from "hono";
import { BoundedMap } from "../ground/bounded-map.ts";
import { Problem } from "../ground/problem.ts";
import { within } from "../ground/time-limit.ts";
import { BLOCKLIST_CACHE_MS, BLOCKLIST_TIMEOUT_MS, ISOLATE_ENTRIES_MAX } from "../limits.ts";
import { describeError } from "../telemetry/log.ts";
import type { Work } from "../work.ts";
import { clientAddress } from "./address.ts";
import type { App } from "./context.ts";

interface Verdict {
  blocked: boolean;
  until_ms: number;
}

const verdicts = new BoundedMap<Verdict>(ISOLATE_ENTRIES_MAX);

/**
 * Refuses a blocked address with 403. When KV fails or hangs the address counts as not blocked: turning everybody away
 * would be the greater harm, and keys and rate limits still stand.
 */
export async function refuseBlocked(c: Context<App>): Promise<void> {
  const { work } = c.var;
  const address = clientAddress(c);
  let verdict = verdicts.get(address);
  if (verdict === undefined || verdict.until_ms <= work.now_ms) {
    verdict = { blocked: await isListed(work, address), until_ms: work.now_ms + BLOCKLIST_CACHE_MS };
    verdicts.set(address, verdict);
  }
  if (verdict.blocked) throw new Problem("address-blocked", "This address is blocked. Ask the operator.");
}

async function isListed(work: Work, address: string): Promise<boolean> {
  try {
    const listed = () => within(BLOCKLIST_TIMEOUT_MS, () => work.env.CONFIG.get(`blocked:${address}`));
    return (await work.timings.measure("kv", listed)) !== null;
  } catch (error) {
    work.log("WARN", "the blocklist cannot be read; nobody is blocked", { error: describeError(error) });
    return false;
  }
}
