/**
 * What operators set while the service runs: its mode and the blocklist, each one value of the CONFIG namespace.
 *
 * KV has no compare-and-set: of two changes of the blocklist in the same seconds one may be lost. Each answers with the list as it wrote
 * it, and both are in the audit log.
 */
import { z } from "zod";
import { type ModeState, modeState } from "../ground/mode.ts";
import { holds, type Network } from "../ground/network.ts";

const block = z.object({
  network: z.string(),
  first: z.string(),
  last: z.string(),
  reason: z.string(),
  blocked_at_ms: z.number(),
  blocked_by: z.string(),
  expires_at_ms: z.number().nullable(),
});
export type Block = z.infer<typeof block>;

const KEYS = { mode: "mode", blocklist: "blocklist" } as const;

/** Null: none was ever set. @throws what KV throws, and ZodError for what this version does not know. */
export async function readMode(kv: KVNamespace): Promise<ModeState | null> {
  return modeState.nullable().parse(await kv.get(KEYS.mode, "json"));
}

export async function writeMode(kv: KVNamespace, state: ModeState): Promise<void> {
  await kv.put(KEYS.mode, JSON.stringify(state));
}

/** Those that hold still, at `now_ms`. */
export async function readBlocklist(kv: KVNamespace, now_ms: number): Promise<Block[]> {
  const blocks =
    z
      .array(block)
      .nullable()
      .parse(await kv.get(KEYS.blocklist, "json")) ?? [];
  return blocks.filter(({ expires_at_ms }) => expires_at_ms === null || expires_at_ms > now_ms);
}

export async function writeBlocklist(kv: KVNamespace, blocks: readonly Block[]): Promise<void> {
  await kv.put(KEYS.blocklist, JSON.stringify(blocks));
}

/** The blocks that hold an address or a network. */
export function blocksOf(blocks: readonly Block[], network: Network): Block[] {
  return blocks.filter((block) => holds(block, network));
}
