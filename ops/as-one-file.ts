/**
 * Packages that come in many files, loaded on use and as one. Cloudflare's client has more than a thousand, of which every command would
 * read all: a third of a second and 40 MB (measured); age with its curves has sixty. So the first command bundles what a module takes of
 * a package beside the other caches of `node_modules`; where that cannot be, it is read as it is.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, extname, join } from "node:path";

const INSTALLED = join(import.meta.dirname, "../node_modules/.package-lock.json");
const CACHE = join(import.meta.dirname, "../node_modules/.cache/prism");

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
    const outfile = join(CACHE, `${basename(entry, extname(entry))}-${hash}.mjs`);
    if (existsSync(outfile)) return outfile;
    const { buildSync } = require("esbuild") as typeof import("esbuild");
    // Whole or not at all: another command may be looking for it.
    const making = `${outfile}.${process.pid}`;
    buildSync({ ...OPTIONS, entryPoints: [entry], outfile: making });
    renameSync(making, outfile);
    return outfile;
  } catch {
    return null;
  }
}
