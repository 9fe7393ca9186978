import { randomUUID } from "node:crypto";
import { defineConfig } from "vitest/config";
import { FileOrder } from "./tests/file-order.ts";
import { leftOutReporter, SEPARATE_RUNS } from "./tests/separate-runs.ts";

export default defineConfig({
  test: {
    include: ["{infra,local,worker,ops,runbooks,tests}/**/*.test.ts"],
    exclude: [...Object.values(SEPARATE_RUNS).map(({ files }) => files), "**/node_modules/**"],
    // Most tests drive a real platform of their own and wait for it: three at a time leave a fifth of two cores idle.
    maxWorkers: 4,
    sequence: { sequencer: FileOrder },
    // Loading the house anew for every file was a quarter of the whole: files leave the process as they found it instead.
    isolate: false,
    // Room for what is young: workers live long, and collected it all the time.
    execArgv: ["--min-semi-space-size=64", "--max-semi-space-size=64"],
    // Shapes that are declared before this has extended zod cannot be described, whichever file comes first.
    setupFiles: ["@hono/zod-openapi"],
    globalSetup: ["tests/temporary-folder.ts"],
    // Of what is polled for, a busy machine is late by more than the second that is usual.
    expect: { poll: { timeout: 20_000 } },
    env: {
      // Commands are tested as processes: what one has compiled, the next one need not.
      NODE_COMPILE_CACHE: `${import.meta.dirname}/node_modules/.cache/compiled`,
      // By which the workers know that they are of one run (`ops/command/run-cli.fixture.ts`).
      PRISM_TEST_RUN: randomUUID(),
    },
    // Whole commands on a platform of their own take 20 s, and on a busy machine several times that.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    reporters: process.env.CI ? ["default", "json", leftOutReporter] : ["default", leftOutReporter],
    outputFile: { json: "dist/test-report.json" },
  },
});
