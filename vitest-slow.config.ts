/** Tests that live through whole lives of a stack or of a repository of backups, minutes each (`npm run test:slow`; CI runs them). */
import { defineConfig } from "vitest/config";
import { LEFT_TO_ITS_OWN_RUN, SEPARATE_RUNS } from "./tests/separate-runs.ts";
import base from "./vitest.config.ts";

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ["{infra,local,ops,tests,worker}/**/*-slow.test.ts"],
    exclude: [
      "**/node_modules/**",
      ...(process.env.PRISM_TORTURE ? [] : [SEPARATE_RUNS.torture.files]),
      ...(process.env.PRISM_SLOW === "representative" ? LEFT_TO_ITS_OWN_RUN.map(({ files }) => files) : []),
    ],
    reporters: process.env.CI ? ["default", "json"] : ["default"],
    // Their stores are large: on the disk.
    globalSetup: [],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    outputFile: { json: "dist/slow-test-report.json" },
  },
});
