/** The bundle that is kept, on a checkout of its own whose sources change. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");

let checkout: string;
let kept: string;
beforeAll(async () => {
  checkout = await mkdtemp(join(tmpdir(), "prism-build-"));
  kept = join(checkout, "node_modules/.cache/prism/worker-bundle.json");
  for (const part of ["worker", "infra", "package.json", "package-lock.json", "tsconfig.json"])
    await cp(join(ROOT, part), join(checkout, part), { recursive: true });
  await mkdir(join(checkout, "node_modules"));
  for (const name of await readdir(join(ROOT, "node_modules")))
    if (!name.startsWith(".")) await symlink(join(ROOT, "node_modules", name), join(checkout, "node_modules", name));
});
afterAll(() => rm(checkout, { recursive: true }));

async function bundled(): Promise<string> {
  const { bundleWorker } = (await import(join(checkout, "infra/build.ts"))) as typeof import("./build.ts");
  return (await bundleWorker()).code;
}

async function edit(path: string, change: (text: string) => string): Promise<void> {
  const text = await readFile(path, "utf8");
  expect(change(text)).not.toBe(text);
  await writeFile(path, change(text));
}

test("the bundle of a moment ago is taken while all that made it is as it was, and no other one", async () => {
  const first = await bundled();
  const { ino } = await stat(kept);
  expect((await bundled()) === first).toBe(true);
  expect((await stat(kept)).ino).toBe(ino);

  await edit(kept, (text) => text.replace("Bearer", "Barrow"));
  expect((await bundled()) === first).toBe(true);

  await edit(join(checkout, "worker/ground/problem.ts"), (text) =>
    text.replace("The operator has closed", "The gardener has closed"),
  );
  const second = await bundled();
  expect(second.includes("The gardener has closed")).toBe(true);

  // In the middle of writing, the machine went out.
  await edit(kept, (text) => text.slice(0, -1_000));
  expect((await bundled()) === second).toBe(true);

  await edit(join(checkout, "package-lock.json"), (text) => `${text}\n`);
  const { ino: before } = await stat(kept);
  expect((await bundled()) === second).toBe(true);
  expect((await stat(kept)).ino).not.toBe(before);

  await edit(join(checkout, "worker/index.ts"), (text) => `${text}\n}`);
  await expect(bundled()).rejects.toThrow(/Unexpected "}"/);
});
