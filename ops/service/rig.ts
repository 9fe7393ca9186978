/** A platform of a measurement's or a drill's own: started empty, driven through the HTTP API, gone afterwards. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Platform, PlatformOptions } from "../../local/platform.ts";
import { LIST_LIMIT_MAX } from "../../worker/limits.ts";
import { documentPage } from "../../worker/schemas/documents.ts";
import { misuse } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { type Client, createClient, pagesOf } from "./client.ts";

export interface Rig {
  platform: Platform;
  /** The API as the holder of a key with every scope for tenant `default` sees it. */
  client: Client;
  /** What commands take as `--data`. */
  data_dir: string;
}

/** @throws OpsError where the environment names a server of models that cannot be used. */
export async function startOwnPlatform(options: PlatformOptions = {}): Promise<Platform> {
  // Loaded on use: the engines take half a second, and most commands do without them.
  const [{ startPlatform }, { UpstreamError }] = await Promise.all([
    import("../../local/platform.ts"),
    import("../../local/ai/openai-upstream.ts"),
  ]);
  try {
    return await startPlatform(options);
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    const hint = "put the variable right, or unset PRISM_AI_BASE_URL to use what is built in";
    throw misuse({ op: "start", subject: "a platform of its own", cause: error.message, hint }, error);
  }
}

/** Runs `work` on a platform in a temporary folder, without the API budget that a bulk load would exhaust. */
export async function onRig<T>(
  invocation: Invocation,
  options: Pick<PlatformOptions, "extra_workers" | "variables">,
  work: (rig: Rig) => Promise<T>,
): Promise<T> {
  const data_dir = await mkdtemp(join(tmpdir(), "prism-rig-"));
  try {
    const platform = await startOwnPlatform({ ...options, data_dir, api_budget: false });
    try {
      const client = createClient({ url: platform.url, token: platform.admin_key, signal: invocation.signal });
      return await work({ platform, client, data_dir });
    } finally {
      await platform.close();
    }
  } finally {
    await rm(data_dir, { recursive: true, force: true });
  }
}

/** Chunks that the service holds for the caller's tenant. */
export async function countChunks(client: Client): Promise<number> {
  let chunks = 0;
  for await (const { documents } of pagesOf(client, `/api/v1/documents?limit=${LIST_LIMIT_MAX}`, documentPage))
    for (const document of documents) chunks += document.chunks;
  return chunks;
}
