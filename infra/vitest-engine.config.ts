/** The tests that need the real Pulumi engine, one file at a time (`npm run infra:engine` finds or builds the engine first). */
import { defineConfig } from "vitest/config";
import base from "../vitest.config.ts";

export default defineConfig({
  ...base,
  root: `${import.meta.dirname}/..`,
  test: {
    ...base.test,
    include: ["{infra,local,ops}/**/*-engine.test.ts"],
    exclude: ["**/node_modules/**"],
    maxWorkers: 1,
    // The engine and its plugins are large: on the disk.
    globalSetup: [],
    reporters: process.env.CI ? ["default", "json"] : ["default"],
    testTimeout: 300_000,
    hookTimeout: 120_000,
    outputFile: { json: "dist/engine-test-report.json" },
  },
});
