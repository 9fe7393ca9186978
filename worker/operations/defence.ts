/** The operator's switches: the mode of the service, and networks that may not call. Each change is in the audit log. */
import type { z } from "zod";
import { audit } from "../audit/append.ts";
import { NORMAL } from "../ground/mode.ts";
import { holds, type Network, readNetwork } from "../ground/network.ts";
import { Problem } from "../ground/problem.ts";
import { BLOCKED_BITS_MIN, BLOCKS_MAX } from "../limits.ts";
import type { blockRequest, modeChange } from "../schemas/defence.ts";
import { forgetControls } from "../security/controls.ts";
import { type Block, blocksOf, readBlocklist, readMode, writeBlocklist, writeMode } from "../store/controls.ts";
import type { Work } from "../work.ts";

export async function findMode(work: Work) {
  const { since_ms, ...state } = (await readMode(work.env.CONFIG)) ?? NORMAL;
  return { ...state, since: since_ms === 0 ? null : new Date(since_ms).toISOString() };
}

/** Sets the mode for everybody within a minute, here at once. */
export async function setMode(work: Work, { mode, reason, rate_tier_max }: z.infer<typeof modeChange>) {
  const { CONFIG } = work.env;
  const before = (await readMode(CONFIG)) ?? NORMAL;
  await writeMode(CONFIG, { mode, reason, rate_tier_max, since_ms: work.now_ms, by: work.caller.key_id });
  forgetControls();
  await audit(work, { action: "mode.change", subject: mode, detail: { from: before.mode, rate_tier_max, reason } });
  return findMode(work);
}

export async function listBlocks(work: Work) {
  return { blocks: (await readBlocklist(work.env.CONFIG, work.now_ms)).map(viewOf) };
}

/** The blocks that hold an address, or all of a network. Throws a `not-blocked` problem when there is none. */
export async function findBlocks(work: Work, ip: string) {
  const blocks = blocksOf(await readBlocklist(work.env.CONFIG, work.now_ms), networkOf(ip));
  if (blocks.length === 0) throw notBlocked(ip);
  return { blocks: blocks.map(viewOf) };
}

/**
 * Blocks an address or a network; a block of the same network is replaced. `own_address`: the caller's, who must not lock himself out.
 * Throws `invalid-request` problems.
 */
export async function blockNetwork(
  work: Work,
  ip: string,
  { reason, expires_at }: z.infer<typeof blockRequest>,
  own_address: string,
) {
  const network = networkOf(ip);
  const own = readNetwork(own_address);
  if (own !== null && holds(network, own)) throw refused("path.ip", "holds the address that you call from");
  if (network.prefix_bits < BLOCKED_BITS_MIN[network.version])
    throw refused("path.ip", "is too large a network: `PUT /api/v1/mode` with `emergency` closes the service");
  const expires_at_ms = expires_at === null ? null : Date.parse(expires_at);
  if (expires_at_ms !== null && expires_at_ms <= work.now_ms) throw refused("expires_at", "must lie in the future");

  const others = (await readBlocklist(work.env.CONFIG, work.now_ms)).filter((one) => one.network !== network.network);
  if (others.length >= BLOCKS_MAX)
    throw refused("path.ip", `there are ${BLOCKS_MAX} blocks already: lift some, or block larger networks`);
  const { first, last } = network;
  const block: Block = {
    network: network.network,
    first,
    last,
    reason,
    blocked_at_ms: work.now_ms,
    blocked_by: work.caller.key_id,
    expires_at_ms,
  };
  await writeBlocklist(work.env.CONFIG, [...others, block]);
  forgetControls();
  await audit(work, { action: "blocklist.add", subject: network.network, detail: { reason, expires_at } });
  return viewOf(block);
}

/** Lifts the block of exactly this network. Throws a `not-blocked` problem. */
export async function liftBlock(work: Work, ip: string): Promise<void> {
  const network = networkOf(ip);
  const blocks = await readBlocklist(work.env.CONFIG, work.now_ms);
  const others = blocks.filter((block) => block.network !== network.network);
  if (others.length === blocks.length) throw notBlocked(ip);
  await writeBlocklist(work.env.CONFIG, others);
  forgetControls();
  await audit(work, { action: "blocklist.remove", subject: network.network });
}

/** The schema has checked its form. */
function networkOf(ip: string): Network {
  const network = readNetwork(ip);
  if (network === null) throw refused("path.ip", "must be an address or a network");
  return network;
}

function refused(path: string, message: string): Problem {
  return new Problem("invalid-request", `\`${path}\` ${message}.`, { errors: [{ path, message }] });
}

function notBlocked(ip: string): Problem {
  return new Problem("not-blocked", `No block holds ${ip}.`);
}

function viewOf({ network, reason, blocked_at_ms, blocked_by, expires_at_ms }: Block) {
  const expires_at = expires_at_ms === null ? null : new Date(expires_at_ms).toISOString();
  return { network, reason, blocked_at: new Date(blocked_at_ms).toISOString(), blocked_by, expires_at };
}
