/** A platform of a measurement's own: started empty, driven through the HTTP API, gone afterwards. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { Platform, PlatformOptions } from "../../local/platform.ts";
import { LIST_LIMIT_MAX } from "../../worker/limits.ts";
import type { Invocation } from "../command/invocation.ts";
import { type Client, createClient, decode } from "./client.ts";

export interface Rig {
  platform: Platform;
  /** The API as the holder of a key with every scope for tenant `default` sees it. */
  client: Client;
  /** What commands take as `--data`. */
  data_dir: string;
}

/** Runs `work` on a platform in a temporary folder, without the API budget that a bulk load would exhaust. */
export async function onRig<T>(
  invocation: Invocation,
  options: Pick<PlatformOptions, "extra_workers" | "variables">,
  work: (rig: Rig) => Promise<T>,
): Promise<T> {
  // Loaded on use: the engines take half a second, and most commands do without them.
  const { startPlatform } = await import("../../local/platform.ts");
  const data_dir = await mkdtemp(join(tmpdir(), "prism-rig-"));
  try {
    const platform = await startPlatform({ ...options, data_dir, api_budget: false });
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

const DocumentPage = z.object({
  documents: z.array(z.object({ chunks: z.number() })),
  next_cursor: z.string().nullable(),
});

/** Chunks that the service holds for the caller's tenant. */
export async function countChunks(client: Client): Promise<number> {
  let chunks = 0;
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ limit: String(LIST_LIMIT_MAX), ...(cursor !== null && { cursor }) });
    const body = await client.get(`/api/v1/documents?${query}`);
    const page: z.infer<typeof DocumentPage> = decode(DocumentPage, body, "GET /api/v1/documents");
    for (const document of page.documents) chunks += document.chunks;
    cursor = page.next_cursor;
  } while (cursor !== null);
  return chunks;
}
