import { beforeAll, describe, expect, test } from "vitest";
import type { WorkerBinding } from "./bindings.ts";
import { type Program, runProgram } from "./program.fixture.ts";

let production: Program;
beforeAll(async () => {
  production = await runProgram();
});

describe("the watchdog", () => {
  test("runs in production only", async () => {
    expect(production.outputs.watchdog?.crons).toHaveLength(1);
    for (const stack of ["staging", "local"] as const)
      expect((await runProgram({ stack })).outputs.watchdog).toBeNull();
  });

  test("has its own cron and neither address nor way in", () => {
    const { resources } = production;
    const bound = production.named("prism-watchdog-version").inputs.bindings as unknown as WorkerBinding[];
    expect(bound.map(({ type }) => type).sort()).toEqual([
      "durable_object_namespace",
      "kv_namespace",
      "plain_text",
      "plain_text",
      "secret_text",
      "version_metadata",
    ]);
    expect(bound.map(({ name }) => name)).not.toContain("API_SECRET");
    expect(production.named("prism-watchdog").inputs.subdomain).toEqual({
      enabled: false,
      previewsEnabled: false,
    });
    expect(resources.filter(({ type }) => type.endsWith(":WorkersCronTrigger"))).toHaveLength(2);
  });

  test("warns while it runs the same release as the Worker, and takes the one before from a file", async () => {
    expect(production.warnings.join()).toContain("prism:watchdogBundle");
    const { warnings, named } = await runProgram({ config: { watchdogBundle: "infra/local/shim.js" } });
    expect(warnings).toEqual([]);
    const tag = (name: string) => (named(name).inputs.annotations as { workersTag: string }).workersTag;
    expect(tag("prism-watchdog-version")).not.toBe(tag("prism-version"));
  });

  test("a pinned bundle that is not there is refused with the key that pins it", async () => {
    await expect(runProgram({ config: { bundle: "dist/gone.js" } })).rejects.toThrow(
      /prism:bundle names dist\/gone.js/,
    );
  });
});
