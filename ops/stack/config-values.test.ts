import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parse } from "yaml";
import { asProgramConfig, changeConfigFile, readConfigFile, valueAt, withChanges } from "./config-values.ts";

const folder = mkdtempSync(join(tmpdir(), "config-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a path leads into a structure, and to nothing where there is none", () => {
  const values = { plan: "free", database: { live: 1, generations: [1] } };
  expect(valueAt(values, "database.live")).toBe(1);
  expect(valueAt(values, "database")).toEqual({ live: 1, generations: [1] });
  expect(valueAt(values, "plan.live")).toBeUndefined();
  expect(valueAt({ API_SECRET: "hush" }, "API_SECRET")).toBeUndefined();
});

test("changes leave everything else as it was, and undefined removes a key", () => {
  const values = { plan: "free", database: { live: 1, generations: [1] } };
  const changed = withChanges(values, { "database.live": 2, plan: undefined, "variables.LOG_LEVEL": "DEBUG" });
  expect(changed).toEqual({ database: { live: 2, generations: [1] }, variables: { LOG_LEVEL: "DEBUG" } });
  expect(values.database.live).toBe(1);
});

test("a secret is refused as plain configuration, and nothing is written", () => {
  const file = join(folder, "Pulumi.refused.yaml");
  writeFileSync(file, "config:\n  prism:plan: free\n");
  expect(() => changeConfigFile(file, { plan: "paid", API_SECRET: "hush" })).toThrow("never goes through plain");
  expect(readFileSync(file, "utf8")).toBe("config:\n  prism:plan: free\n");
});

test("a stack's file keeps its comments and what is encrypted in it", () => {
  const file = join(folder, "Pulumi.staging.yaml");
  writeFileSync(
    file,
    "# What the keys mean\nencryptionsalt: v1:x\nconfig:\n  prism:plan: free # for now\n  prism:API_SECRET:\n    secure: v1:y\n",
  );
  changeConfigFile(file, { rollout: { percentage: 10, previous: "v" }, "database.live": 2, bundle: undefined });
  expect(readFileSync(file, "utf8")).toMatch(/# What the keys mean\nencryptionsalt: v1:x\n.*free # for now\n.*v1:y/s);
  expect(readConfigFile(file)).toEqual({
    plan: "free",
    rollout: { percentage: 10, previous: "v" },
    database: { live: 2 },
  });
});

test("a program gets text, and structures as JSON", () => {
  expect(asProgramConfig({ plan: "free", cpuMs: 50, database: { live: 1 } })).toEqual({
    "prism:plan": "free",
    "prism:cpuMs": "50",
    "prism:database": '{"live":1}',
  });
});

test("two secrets are exchanged as they are, encrypted, with a plain change in the same write; one that is not set is named", () => {
  const file = join(folder, "Pulumi.swap.yaml");
  const before =
    "encryptionsalt: v1:x\nconfig:\n  prism:API_SECRET:\n    secure: v1:old # ours\n  prism:API_SECRET_PREVIOUS:\n    secure: v1:new\n";
  writeFileSync(file, before);
  const swap = { kind: "swap", names: ["API_SECRET", "API_SECRET_PREVIOUS"] } as const;
  changeConfigFile(file, { bundle: "version/1" }, swap);
  const { config } = parse(readFileSync(file, "utf8"));
  expect(config).toEqual({
    "prism:API_SECRET": { secure: "v1:new" },
    "prism:API_SECRET_PREVIOUS": { secure: "v1:old" },
    "prism:bundle": "version/1",
  });
  changeConfigFile(file, {}, { kind: "remove", name: "API_SECRET_PREVIOUS" });
  const after = readFileSync(file, "utf8");
  expect(() => changeConfigFile(file, { bundle: "version/2" }, swap)).toThrow("API_SECRET_PREVIOUS: it is not set");
  expect(readFileSync(file, "utf8")).toBe(after);
});
