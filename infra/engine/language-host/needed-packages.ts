/** Which provider plugins a program needs: those whose SDK its package.json names, at the SDK's version. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

interface Manifest {
  /** The path it was read from. */
  path: string;
  /** Of every kind, name → version range. */
  dependencies: Record<string, string>;
}

/** The package.json that the program in `folder` belongs to. @throws when there is none. */
export function packageManifest(folder: string): Manifest {
  for (let at = folder; ; at = dirname(at)) {
    const path = join(at, "package.json");
    if (existsSync(path)) {
      const { dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(path, "utf8"));
      return { path, dependencies: { ...dependencies, ...devDependencies } };
    }
    if (dirname(at) === at) throw new Error(`there is no package.json in ${folder} or above it`);
  }
}

/** SDKs carry a `pulumi` field that names their plugin. */
export function neededPackages(folder: string): { name: string; version: string }[] {
  const { path, dependencies } = packageManifest(folder);
  const { resolve } = createRequire(path);
  return Object.keys(dependencies)
    .filter((name) => name.startsWith("@pulumi/"))
    .flatMap((name) => {
      const { pulumi } = JSON.parse(readFileSync(resolve(`${name}/package.json`), "utf8"));
      return pulumi?.resource === true ? [{ name: pulumi.name, version: pulumi.version }] : [];
    });
}
