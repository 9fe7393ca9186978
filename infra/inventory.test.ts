import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startPlatform } from "../local/platform.ts";
import { type BindingFacts, workerBindings } from "./bindings.ts";
import { DURABLE_OBJECTS, SECRETS } from "./inventory.ts";
import { wranglerConfig } from "./wrangler-config.ts";

const ROOT = join(import.meta.dirname, "..");
const FACTS: BindingFacts = {
  stack: "production",
  database_id: "id",
  kv_ids: { cache: "a", config: "b" },
  vector_generation: 1,
  variables: {},
  secrets: Object.fromEntries(SECRETS.map((name) => [name, ""])) as BindingFacts["secrets"],
};
const declared = workerBindings(FACTS)
  .map(({ name }) => name)
  .sort();

/** All values of the given keys anywhere in a JSON value. */
function collect(value: unknown, keys: ReadonlySet<string>, found: string[] = []): string[] {
  if (Array.isArray(value)) for (const item of value) collect(item, keys, found);
  else if (value !== null && typeof value === "object") {
    for (const [key, inner] of Object.entries(value)) {
      if (keys.has(key) && typeof inner === "string") found.push(inner);
      else collect(inner, keys, found);
    }
  }
  return found;
}

describe("the inventory is the only list of bindings", () => {
  test("every binding name is used once", () => {
    expect(new Set(declared).size).toBe(declared.length);
  });

  test("the Worker's Env type names exactly the inventory's bindings", () => {
    const source = readFileSync(join(ROOT, "worker/env.ts"), "utf8");
    const names = [...source.matchAll(/^ {2}([A-Z_]+):/gm)].map(([, name]) => name ?? "");
    expect(names.sort()).toEqual(declared);
  });

  test("wrangler.jsonc is what the inventory generates (npm run generate)", () => {
    expect(readFileSync(join(ROOT, "wrangler.jsonc"), "utf8")).toBe(wranglerConfig());
  });

  test("wrangler's config names every binding that is not a secret", () => {
    const { vars, durable_objects, ratelimits, ...rest } = JSON.parse(wranglerConfig().replace(/^\/\/.*\n/, ""));
    const names = [
      ...collect(rest, new Set(["binding"])),
      ...Object.keys(vars),
      ...collect([durable_objects, ratelimits], new Set(["name"])),
    ];
    const secrets: readonly string[] = SECRETS;
    expect(names.sort()).toEqual(declared.filter((name) => !secrets.includes(name)));
  });

  test("the Worker on the local platform is handed exactly the inventory's bindings", async () => {
    const platform = await startPlatform();
    try {
      const live = await platform.runtime.liveBindings();
      expect(live.sort()).toEqual(declared);
    } finally {
      await platform.close();
    }
  });

  test("the bundle exports every Durable Object class of the inventory", () => {
    const source = readFileSync(join(ROOT, "worker/index.ts"), "utf8");
    for (const { class: name } of Object.values(DURABLE_OBJECTS))
      expect(source).toMatch(new RegExp(`export .*\\b${name}\\b`));
  });
});
