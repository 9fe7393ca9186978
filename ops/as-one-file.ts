/**
 * Packages that come in many files, loaded on use and as one. Cloudflare's client has more than a thousand, of which every command would
 * read all: a third of a second and 40 MB (measured); age with its curves has sixty. So the first command bundles what a module takes of
 * a package beside the other caches of `node_modules`; where that cannot be, it is read as it is.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, extname, join } from "node:path";
import { DAY_MS } from "../infra/limits.ts";

const INSTALLED = join(import.meta.dirname, "../node_modules/.package-lock.json");
const CACHE = join(import.meta.dirname, "../node_modules/.cache/prism");

/** Since it was made. One that is needed after all is made again. */
const BUNDLE_KEPT_MS = 7 * DAY_MS;

const OPTIONS = { bundle: true, format: "esm", platform: "node", keepNames: true, logLevel: "silent" } as const;

const require = createRequire(import.meta.url);

/** What the module at the path `entry` exports. */
export function loadAsOneFile(entry: string): unknown {
  return require(asOneFile(entry) ?? entry);
}

/** Path of the module and all that it takes in one file, which is made where there is none of these packages; null where it cannot be. */
export function asOneFile(entry: string): string | null {
  try {
    // By what npm wrote down of all that it installed: a package's own packages are in the bundle, too.
    const made_of = createHash("sha256").update(readFileSync(INSTALLED)).update(readFileSync(entry));
    const hash = made_of.update(JSON.stringify(OPTIONS)).digest("hex").slice(0, 16);
    const begin = `${basename(entry, extname(entry))}-`;
    const outfile = join(CACHE, `${begin}${hash}.mjs`);
    if (existsSync(outfile)) return outfile;
    const { buildSync } = require("esbuild") as typeof import("esbuild");
    // Whole or not at all: another command may be looking for it.
    const making = `${outfile}.${process.pid}`;
    buildSync({ ...OPTIONS, entryPoints: [entry], outfile: making });
    renameSync(making, outfile);
    removeOld(begin);
    return outfile;
  } catch {
    return null;
  }
}

/** What earlier releases of a package, and commands that were killed, have left: a younger one may be about to be loaded. */
function removeOld(begin: string): void {
  for (const name of readdirSync(CACHE).filter((one) => one.startsWith(begin))) {
    const path = join(CACHE, name);
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
    if (Date.now() - mtimeMs > BUNDLE_KEPT_MS) rmSync(path, { force: true });
  }
}
