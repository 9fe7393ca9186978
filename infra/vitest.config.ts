/** The Pulumi program and its plugins, in a run of their own (`npm run infra:test`): CI runs both. */
import { defineConfig } from "vitest/config";
import base from "../vitest.config.ts";

export default defineConfig({
  ...base,
  root: `${import.meta.dirname}/..`,
  test: {
    ...base.test,
    include: ["infra/!(inventory).test.ts", "infra/{engine,policy,provider}/**/*.test.ts"],
    exclude: ["**/node_modules/**"],
    outputFile: { json: "dist/infra-test-report.json" },
  },
});
