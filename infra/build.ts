/**
 * `npm run build`: the one artefact. What this writes is what the local platform runs and what is uploaded.
 *
 * Prints the size that counts against Cloudflare's limit (gzip) and fails above the project's own.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type BuildOptions, build, type Metafile, type Plugin } from "esbuild";
import { writeWhole } from "./write-whole.ts";

const ROOT = join(import.meta.dirname, "..");
/** The project's own ceiling; Cloudflare's free plan takes 3 MB compressed. */
export const BUNDLE_GZIP_BYTES_MAX = 1_000_000;

/** zod's messages in fifty languages: a sixth of the bundle, of which nothing but English was ever asked for. */
const ENGLISH_ALONE: Plugin = {
  name: "english-alone",
  setup: ({ onLoad }) =>
    onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js"',
    })),
};

/**
 * How code for the Worker is bundled, whatever it starts from. Identifiers stay as they are, for stack traces; esbuild's `keepNames` would
 * add a call for every function that is made, each request's closures included.
 */
export const WORKER_BUNDLE = {
  bundle: true,
  format: "esm",
  target: "es2024",
  conditions: ["workerd", "worker", "browser"],
  external: ["cloudflare:*", "node:*"],
  loader: { ".sql": "text" },
  minifySyntax: true,
  minifyWhitespace: true,
  plugins: [ENGLISH_ALONE],
  logLevel: "silent",
} satisfies BuildOptions;

interface WorkerBundle {
  code: string;
  source_map: string;
  metafile: Metafile;
}

/**
 * The Worker's bundle, of today's sources. Made in memory, a second of CPU; where none of its files has changed since, it is the one that
 * this checkout made last. Throws with esbuild's messages when it does not compile.
 */
export async function bundleWorker(): Promise<WorkerBundle> {
  const last = lastBundle();
  if (last !== null) return last;
  const result = await build({
    ...WORKER_BUNDLE,
    absWorkingDir: ROOT,
    entryPoints: [join(ROOT, "worker/index.ts")],
    sourcemap: "external",
    sourcesContent: false,
    outfile: join(ROOT, "dist/worker.js"),
    write: false,
    metafile: true,
  });
  const text = (ending: string) => result.outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? "";
  const bundle = { code: text("worker.js"), source_map: text(".map"), metafile: result.metafile };
  keepBundle(bundle);
  return bundle;
}

const KEPT = join(ROOT, "node_modules/.cache/prism/worker-bundle.json");

/** The bundle that was kept, if it is whole and made of what there is. */
function lastBundle(): WorkerBundle | null {
  try {
    const { made_of, ...bundle } = JSON.parse(readFileSync(KEPT, "utf8")) as WorkerBundle & { made_of: string };
    return made_of === digestOf(bundle) ? bundle : null;
  } catch {
    return null;
  }
}

/** Where it cannot be kept, each one is made anew. */
function keepBundle(bundle: WorkerBundle): void {
  try {
    mkdirSync(join(KEPT, ".."), { recursive: true });
    writeWhole(KEPT, JSON.stringify({ made_of: digestOf(bundle), ...bundle }));
  } catch {}
}

/**
 * Of a bundle and of all that makes it: its files, how it is built, and the packages, by which names of files are found. Our own imports name
 * files whole, so that a new file takes no other's place.
 */
function digestOf({ code, source_map, metafile }: WorkerBundle): string {
  const files = [...Object.keys(metafile.inputs), "infra/build.ts", "package-lock.json", "tsconfig.json"];
  const hash = createHash("sha256").update(code).update(source_map);
  for (const file of files)
    hash.update(file).update(
      createHash("sha256")
        .update(readFileSync(join(ROOT, file)))
        .digest(),
    );
  return hash.digest("hex");
}

if (import.meta.main) {
  const { code, source_map } = await bundleWorker();
  const gzip_bytes = gzipSync(code, { level: 9 }).length;
  mkdirSync(join(ROOT, "dist"), { recursive: true });
  writeFileSync(join(ROOT, "dist/worker.js"), code);
  writeFileSync(join(ROOT, "dist/worker.js.map"), source_map);
  const kb = (bytes: number) => `${(bytes / 1000).toFixed(0)} kB`;
  console.log(
    `dist/worker.js  ${kb(Buffer.byteLength(code))}, ${kb(gzip_bytes)} compressed (limit ${kb(BUNDLE_GZIP_BYTES_MAX)})`,
  );
  if (gzip_bytes > BUNDLE_GZIP_BYTES_MAX) {
    console.error("Error: the bundle is over its limit.\nTry: `npm run ops -- deps size` to see what grew.");
    process.exitCode = 1;
  }
}
