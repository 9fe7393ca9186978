/**
 * `npm run build`: the one artefact. What this writes is what the local platform runs and what is uploaded.
 *
 * Prints the size that counts against Cloudflare's limit (gzip) and fails above the project's own.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type BuildOptions, build, type Metafile, type Plugin } from "esbuild";

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

/** Bundles the Worker in memory. Throws with esbuild's messages when it does not compile. */
export async function bundleWorker(): Promise<{ code: string; source_map: string; metafile: Metafile }> {
  const result = await build({
    ...WORKER_BUNDLE,
    entryPoints: [join(ROOT, "worker/index.ts")],
    sourcemap: "external",
    sourcesContent: false,
    outfile: join(ROOT, "dist/worker.js"),
    write: false,
    metafile: true,
  });
  const text = (ending: string) => result.outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? "";
  return { code: text("worker.js"), source_map: text(".map"), metafile: result.metafile };
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
