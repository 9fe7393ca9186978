/** For tests: releases of the real Worker with something wrong (or harmless) in front of it, as built files. */
import { join } from "node:path";
import { build } from "esbuild";
import { WORKER_BUNDLE } from "../../infra/build.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Statements that run before the Worker's own answer to `request`. */
const IN_FRONT = {
  /** Differs from the checkout's release and behaves the same. */
  harmless: 'if (new URL(request.url).pathname === "/never") return new Response("another release");',
  /** Fails at every request. */
  throwing: 'throw new Error("bad release");',
  /** Alive and ready, but nobody gets an answer from it. */
  mute: 'if (new URL(request.url).pathname.endsWith("/chat")) return new Response("broken", { status: 500 });',
  /** Passes a trial and fails callers. */
  moody: 'if (!request.headers.has("cloudflare-workers-version-overrides")) throw new Error("bad under traffic");',
} as const;

/** Builds the releases into `dir`, each as `<name>.js`. */
export async function buildReleases(dir: string): Promise<Record<keyof typeof IN_FRONT, string>> {
  const built = await Promise.all(
    Object.entries(IN_FRONT).map(async ([name, statements]) => {
      const outfile = join(dir, `${name}.js`);
      await build({
        ...WORKER_BUNDLE,
        stdin: {
          contents: `import worker, { Meter } from "./worker/index.ts";
            export { Meter };
            export default { ...worker, fetch(request, env, ctx) { ${statements} return worker.fetch(request, env, ctx); } };`,
          resolveDir: ROOT,
          loader: "ts",
        },
        minify: true,
        outfile,
      });
      return [name, outfile] as const;
    }),
  );
  return Object.fromEntries(built) as Record<keyof typeof IN_FRONT, string>;
}
