/**
 * `npm run generate`: the scripts of the pages, bundled for browsers into one module of texts that the Worker serves. They are
 * text for the Worker, since a browser's code is typed by another library than a Worker's, and must not be bundled with it.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const ROOT = join(import.meta.dirname, "..");
const SCRIPTS = { DASHBOARD_SCRIPT: "worker/browser/dashboard.ts", ASK_SCRIPT: "worker/browser/ask.ts" };
export const PAGE_SCRIPTS_PATH = join(ROOT, "worker/pages/page-scripts.ts");

/** The module as it should be. Throws with esbuild's messages when a script does not compile. */
export async function pageScripts(): Promise<string> {
  const parts = await Promise.all(
    Object.entries(SCRIPTS).map(async ([name, path]) => {
      const { outputFiles } = await build({
        entryPoints: [join(ROOT, path)],
        bundle: true,
        format: "iife",
        target: "es2022",
        minify: true,
        // Else a letter beyond ASCII would need the right charset all the way.
        charset: "ascii",
        write: false,
        logLevel: "silent",
      });
      return `/** From \`${path}\`. */\nexport const ${name} = ${JSON.stringify(outputFiles[0]?.text ?? "")};\n`;
    }),
  );
  return ["/** Made by `npm run generate`; do not edit. */\n", ...parts].join("\n");
}

if (import.meta.main) {
  writeFileSync(PAGE_SCRIPTS_PATH, await pageScripts());
  console.log("worker/pages/page-scripts.ts written");
}
