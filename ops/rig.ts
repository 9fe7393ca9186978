/** A platform of a measurement's own: started empty, driven through the HTTP API, gone afterwards. */
import { type Platform, type PlatformOptions, startPlatform } from "../infra/local/platform.ts";
import { type Client, createClient } from "./client.ts";
import type { Invocation } from "./invocation.ts";

export interface Rig {
  platform: Platform;
  /** The API as the holder of a key with every scope for tenant `default` sees it. */
  client: Client;
}

/** Runs `work` on an ephemeral platform, without the API budget that a bulk load would exhaust. */
export async function onRig<T>(
  invocation: Invocation,
  options: Pick<PlatformOptions, "extra_workers">,
  work: (rig: Rig) => Promise<T>,
): Promise<T> {
  const platform = await startPlatform({ ...options, api_budget: false });
  try {
    return await work({
      platform,
      client: createClient({ url: platform.url, token: platform.admin_key, signal: invocation.signal }),
    });
  } finally {
    await platform.close();
  }
}

/** Chunks in the platform's live database. */
export async function countChunks({ runtime }: Platform): Promise<number> {
  const [database] = runtime.registry.list("d1");
  if (database === undefined) return 0;
  const live = await runtime.d1(database.uuid);
  return (await live.prepare("SELECT count(*) AS n FROM chunks").first<number>("n")) ?? 0;
}
