/** The bill of materials that goes with a release: what is in the bundle must be on it. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { bundleWorker } from "../infra/build.ts";

const ROOT = join(import.meta.dirname, "..");

test("it names every package that the bundle is made of, with version, licence and origin", async () => {
  const { metafile } = await bundleWorker();
  const bundled = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) =>
      bytesInOutput > 0 ? (/^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []) : [],
    ),
  );
  expect(new Set(bundled)).toContain("hono");
  const options = { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 };
  const { stdout } = await promisify(execFile)("npm", ["run", "--silent", "sbom"], options);
  const { bomFormat, components } = JSON.parse(stdout);
  expect(bomFormat).toBe("CycloneDX");
  const listed = new Map(
    components.map((one: { name: string; version: string; purl: string; licenses?: unknown[] }) => [one.name, one]),
  );
  for (const name of new Set(bundled)) {
    const { version } = JSON.parse(readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8"));
    const purl = expect.stringMatching(new RegExp(`^pkg:npm/.*@${version}$`));
    expect(listed.get(name), name).toMatchObject({ version, purl, licenses: [expect.anything()] });
  }
});
