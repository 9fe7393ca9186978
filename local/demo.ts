/** Indexes what `npm start` shows: the project's own documents, or a folder the caller names. */
import { join, resolve } from "node:path";
import { harmless } from "../ops/command/output.ts";
import { type IndexConfig, loadConfig } from "../ops/index/config.ts";
import { syncIndex } from "../ops/index/sync.ts";
import { createClient } from "../ops/service/client.ts";
import type { Platform } from "./platform.ts";

const ROOT = join(import.meta.dirname, "..");

/** Brings the demo index up to date through the service's own API; returns how many documents it holds. */
export async function indexDemo(platform: Platform, corpus: string | undefined): Promise<number> {
  const config: IndexConfig =
    corpus === undefined
      ? await loadConfig(join(ROOT, "prism.config.json"))
      : {
          sources: [
            {
              collection: "corpus",
              folder: resolve(corpus),
              include: ["**/*.{md,markdown,txt}"],
              exclude: ["**/node_modules/**"],
              metadata: {},
            },
          ],
        };
  const result = await syncIndex({
    client: createClient({
      url: platform.url,
      token: platform.admin_key,
      signal: new AbortController().signal,
    }),
    config,
    cwd: ROOT,
    approveDeletion: async () => {},
  });
  for (const { id, cause } of result.failures) console.error(`Not indexed: ${harmless(id)}: ${harmless(cause)}`);
  return result.scanned - result.failed;
}
