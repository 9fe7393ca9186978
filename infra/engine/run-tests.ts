/**
 * `npm run infra:engine`: the tests that need the real Pulumi engine, with whatever engine this machine has or can build.
 * Arguments go to vitest. Without an engine and without Go it says so and ends well; with Go, everything else is a failure.
 */
import { join } from "node:path";
import { $ } from "zx/core";
import { buildEngine, findEngine, hasGo } from "./engine-binary.ts";

const ROOT = join(import.meta.dirname, "../..");

async function main(): Promise<number> {
  if (findEngine(process.env) === null) {
    if (!hasGo()) {
      console.error(
        "SKIPPED: the tests on the real Pulumi engine did not run: there is neither `pulumi` nor `go` on PATH.\n" +
          "Try: install one of them, then npm run infra:engine",
      );
      return 0;
    }
    await buildEngine(console.error);
  }
  const vitest = join(ROOT, "node_modules/.bin/vitest");
  const run = $({ cwd: ROOT, stdio: "inherit", nothrow: true });
  const { exitCode } = await run`${vitest} run --config infra/vitest-engine.config.ts ${process.argv.slice(2)}`;
  return exitCode ?? 1;
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(`Error: ${error instanceof Error ? error.message : String(error)}`);
  return 1;
});
