import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { runCommand } from "../command/run-cli.fixture.ts";
import { startRegistry } from "./registry.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "prism-deps-commands-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const ROOT = join(import.meta.dirname, "../..");

test("the plan of an update, the size of what is there, and what is unused are told as documents", async () => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  const registry = await startRegistry((name) => {
    const installed: string = packages[`node_modules/${name}`].version;
    return name === "hono" ? [installed, "4.999.0"] : [installed];
  });
  try {
    const plan = await runCommand(["deps", "update", "--dry-run", "--json", "--data", folder], {
      npm_config_registry: registry.url,
      npm_config_cache: join(folder, "plan-cache"),
    });
    expect(JSON.parse(plan.stdout).groups).toMatchObject([
      { group: "HTTP and schemas", updates: [{ package: "hono", latest: "4.999.0", major: false }] },
    ]);
  } finally {
    await registry.close();
  }
  expect(existsSync(join(folder, "journal.jsonl"))).toBe(false);

  const { bundle, node_modules } = JSON.parse((await runCommand(["deps", "size", "--top", "100", "--json"])).stdout);
  expect(bundle.gzip_bytes).toBeLessThan(bundle.gzip_bytes_max);
  // npm links a binary to two packages at once: counted once each, a fresh clone was over.
  expect(node_modules.bytes).toBeLessThan(node_modules.bytes_max);
  expect(bundle.parts.map(({ name }: { name: string }) => name)).toEqual(
    expect.arrayContaining(["worker/rag", "hono", "zod"]),
  );
  expect(node_modules.packages.map(({ name }: { name: string }) => name)).toEqual(
    expect.arrayContaining(["typescript", "@pulumi/cloudflare"]),
  );

  const unused = await runCommand(["deps", "unused", "--json"]);
  // What there is at the moment is `npm run unused`'s to say.
  expect(JSON.parse(unused.stdout).ok).toBe(unused.code === 0);
}, 120_000);
