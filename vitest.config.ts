import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{infra,local,worker,ops,runbooks,tests}/**/*.test.ts"],
    // What needs the real Pulumi engine, and what takes minutes, has a run of its own: npm run infra:engine, npm run test:slow.
    exclude: ["**/*-engine.test.ts", "**/*-slow.test.ts", "**/node_modules/**"],
    // Most tests drive a real platform of their own; two at a time is what two cores carry.
    maxWorkers: 2,
    // Commands are tested as processes: what one has compiled, the next one need not.
    env: { NODE_COMPILE_CACHE: `${import.meta.dirname}/node_modules/.cache/compiled` },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: process.env.CI ? ["default", "json"] : ["default"],
    outputFile: { json: "dist/test-report.json" },
  },
});
