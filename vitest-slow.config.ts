/** Tests that live through whole lives of a stack or of a repository of backups, minutes each (`npm run test:slow`; CI runs them). */
import { defineConfig } from "vitest/config";
import base from "./vitest.config.ts";

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ["{infra,local,ops}/**/*-slow.test.ts"],
    // Whole commands killed at each of some 250 writes, or given faults: `npm run backup:torture`, an hour and a half.
    exclude: [
      "**/node_modules/**",
      ...(process.env.PRISM_TORTURE ? [] : ["**/killed-*-slow.test.ts", "**/faulty-commands-slow.test.ts"]),
    ],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    outputFile: { json: "dist/slow-test-report.json" },
  },
});
