/**
 * The official client, loaded as one file. It comes in more than a thousand, of which every command would read all: a third of a second and
 * 40 MB (measured). So the first command bundles them beside the other caches of `node_modules`; where that cannot be, they are read as they are.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

type Sdk = typeof import("cloudflare");

const CACHE = join(import.meta.dirname, "../../node_modules/.cache/prism");

const OPTIONS = { bundle: true, format: "esm", platform: "node", keepNames: true, logLevel: "silent" } as const;

/** The class itself: `new Cloudflare(…)`, `Cloudflare.APIError`. */
export const { default: Cloudflare } = await load();

async function load(): Promise<Sdk> {
  const bundle = await bundled().catch(() => null);
  return bundle === null ? await import("cloudflare") : ((await import(pathToFileURL(bundle).href)) as Sdk);
}

/** Path of the bundle, which is made where there is none of this version. */
async function bundled(): Promise<string> {
  const entry = fileURLToPath(import.meta.resolve("cloudflare"));
  const version = await readFile(join(entry, "../package.json"));
  const made_of = createHash("sha256").update(version).update(JSON.stringify(OPTIONS)).digest("hex").slice(0, 16);
  const outfile = join(CACHE, `cloudflare-${made_of}.mjs`);
  if (existsSync(outfile)) return outfile;
  const { build } = await import("esbuild");
  // Whole or not at all: another command may be looking for it.
  const making = `${outfile}.${process.pid}`;
  await build({ ...OPTIONS, entryPoints: [entry], outfile: making });
  await rename(making, outfile);
  return outfile;
}
