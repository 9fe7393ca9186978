/**
 * Mode and blocklist in isolate memory, and what follows from them for a request. They act everywhere within
 * `CONTROLS_CACHE_MS` and what KV itself keeps at the edge, up to 60 s more.
 */
import type { Context } from "hono";
import type { ModeState } from "../ground/mode.ts";
import { NORMAL } from "../ground/mode.ts";
import { readNetwork } from "../ground/network.ts";
import { allows, type Principal, RATE_TIERS, type RateTier } from "../ground/principal.ts";
import { Problem } from "../ground/problem.ts";
import { within } from "../ground/time-limit.ts";
import { CONTROLS_CACHE_MS, CONTROLS_TIMEOUT_MS, MODE_RETRY_AFTER_S } from "../limits.ts";
import { type Block, blocksOf, readBlocklist, readMode } from "../store/controls.ts";
import { describeError } from "../telemetry/log.ts";
import type { Work } from "../work.ts";
import { clientAddress } from "./address.ts";
import type { App } from "./context.ts";

interface Controls {
  mode: ModeState;
  blocks: readonly Block[];
}

let known: Controls = { mode: NORMAL, blocks: [] };
let read_next_ms = 0;

/** Makes this isolate read anew what it has just changed. */
export function forgetControls(): void {
  read_next_ms = 0;
}

/**
 * The mode as this isolate knows it. While KV fails or hangs, what was known last holds; before the first reading that is: normal, nobody blocked.
 * Turning everybody away would be the greater harm, and keys and rate limits still stand.
 */
async function currentControls(work: Work): Promise<Controls> {
  if (work.now_ms < read_next_ms) return known;
  const expected_ms = work.now_ms + CONTROLS_CACHE_MS;
  // Others need not ask meanwhile.
  read_next_ms = expected_ms;
  const { CONFIG } = work.env;
  const kept = async <T>(what: string, last: T, read: () => Promise<T>): Promise<T> => {
    try {
      return await work.timings.measure("kv", () => within(CONTROLS_TIMEOUT_MS, read));
    } catch (error) {
      work.log("WARN", `the ${what} cannot be read; the last one known holds`, { error: describeError(error) });
      return last;
    }
  };
  const [mode, blocks] = await Promise.all([
    kept("mode", known.mode, async () => (await readMode(CONFIG)) ?? NORMAL),
    kept("blocklist", known.blocks, () => readBlocklist(CONFIG, work.now_ms)),
  ]);
  known = { mode, blocks };
  return known;
}

/** Tells the work its mode, and refuses a blocked address with 403. */
export async function applyControls(c: Context<App>): Promise<void> {
  const { work } = c.var;
  const { mode, blocks } = await currentControls(work);
  work.mode = mode.mode;
  c.set("mode", mode);
  if (blocks.length === 0) return;
  const address = readNetwork(clientAddress(c));
  const holding = address === null ? [] : blocksOf(blocks, address);
  if (holding.some(({ expires_at_ms }) => expires_at_ms === null || expires_at_ms > work.now_ms))
    throw new Problem("address-blocked", "This address is blocked. Ask the operator.");
}

/** Refuses what the mode has closed, but to admins in an emergency. `writes`: the request changes documents. */
export function requireOpen({ mode, caller }: Pick<Work, "mode" | "caller">, writes: boolean): void {
  const retry_after_s = MODE_RETRY_AFTER_S;
  if (mode === "emergency" && !allows(caller, "admin"))
    throw new Problem("emergency", "The service is closed for the moment. Try again later.", { retry_after_s });
  if (mode === "maintenance" && writes)
    throw new Problem("maintenance", "Documents cannot be changed for the moment; everything else works.", {
      retry_after_s,
    });
}

/** The tier that a key has now. */
export function tierNow(c: Context<App>, principal: Principal): RateTier {
  const { rate_tier_max: max } = c.get("mode");
  const { rate_tier } = principal;
  if (max === null || allows(principal, "admin")) return rate_tier;
  return RATE_TIERS.indexOf(rate_tier) > RATE_TIERS.indexOf(max) ? max : rate_tier;
}
