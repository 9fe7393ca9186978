/**
 * The official client, loaded on use and as one file. It comes in more than a thousand, of which every command would read all: a third of a
 * second and 40 MB (measured). So the first command bundles what `official.ts` names beside the other caches of `node_modules`; where that
 * cannot be, they are read as they are.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

type Sdk = typeof import("./official.ts");

const CACHE = join(import.meta.dirname, "../../node_modules/.cache/prism");
const ENTRY = join(import.meta.dirname, "official.ts");

const OPTIONS = { bundle: true, format: "esm", platform: "node", keepNames: true, logLevel: "silent" } as const;

const require = createRequire(import.meta.url);
let sdk: Sdk["Cloudflare"] | undefined;

/** The class itself: `new (cloudflareSdk())(…)`, `cloudflareSdk().APIError`. */
export function cloudflareSdk(): Sdk["Cloudflare"] {
  sdk ??= (require(bundled() ?? ENTRY) as Sdk).Cloudflare;
  return sdk;
}

/** Path of the bundle, which is made where there is none of this version; null where it cannot be. */
function bundled(): string | null {
  try {
    const version = readFileSync(join(fileURLToPath(import.meta.resolve("cloudflare")), "../package.json"));
    const made_of = createHash("sha256").update(version).update(readFileSync(ENTRY)).update(JSON.stringify(OPTIONS));
    const outfile = join(CACHE, `cloudflare-${made_of.digest("hex").slice(0, 16)}.mjs`);
    if (existsSync(outfile)) return outfile;
    const { buildSync } = require("esbuild") as typeof import("esbuild");
    // Whole or not at all: another command may be looking for it.
    const making = `${outfile}.${process.pid}`;
    buildSync({ ...OPTIONS, entryPoints: [ENTRY], outfile: making });
    renameSync(making, outfile);
    return outfile;
  } catch {
    return null;
  }
}
