import { beforeAll, describe, expect, test } from "vitest";
import type { WorkerBinding } from "./bindings.ts";
import { type Program, runProgram } from "./program.fixture.ts";

let production: Program;
beforeAll(async () => {
  production = await runProgram();
});

describe("the watchdog", () => {
  test("runs in production, and in another stack where its configuration says so", async () => {
    expect(production.outputs.watchdog?.crons).toHaveLength(1);
    for (const stack of ["staging", "local"] as const) {
      expect((await runProgram({ stack })).outputs.watchdog).toBeNull();
      expect((await runProgram({ stack, config: { watchdog: true } })).outputs.watchdog?.crons).toHaveLength(1);
    }
    expect((await runProgram({ config: { watchdog: false } })).outputs.watchdog).toBeNull();
  });

  test("has its own cron and neither address nor way in", () => {
    const { resources } = production;
    const bound = production.named("prism-watchdog-version").inputs.bindings as unknown as WorkerBinding[];
    expect(bound.map(({ type }) => type).sort()).toEqual([
      "durable_object_namespace",
      "durable_object_namespace",
      "kv_namespace",
      "plain_text",
      "plain_text",
      "secret_text",
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

  test("waits for nothing that can fail with the Worker", () => {
    expect(production.named("prism-watchdog-version").depends_on.sort()).toEqual(["prism-config", "prism-watchdog"]);
    expect(production.named("prism-watchdog-version").secret_inputs).toContain("bindings");
  });

  test("takes the release before from a file, and warns when it gets the same as the Worker", async () => {
    const tag = ({ named }: Program, name: string) =>
      (named(name).inputs.annotations as { workersTag: string }).workersTag;
    const behind = await runProgram({ config: { bundle: undefined } });
    expect(behind.warnings).toEqual([]);
    expect(tag(behind, "prism-watchdog-version")).not.toBe(tag(behind, "prism-version"));
    const level = await runProgram({ config: { bundle: undefined, watchdogBundle: undefined } });
    expect(level.warnings.join()).toContain("prism:watchdogBundle");
    expect(tag(level, "prism-watchdog-version")).toBe(tag(level, "prism-version"));
  });

  test("a pinned bundle that is not there is refused with the key that pins it", async () => {
    await expect(runProgram({ config: { bundle: "dist/gone.js" } })).rejects.toThrow(
      /prism:bundle names dist\/gone.js/,
    );
  });
});
