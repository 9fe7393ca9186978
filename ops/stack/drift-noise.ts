/** Telling real differences from the provider's known noise. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { suppressedNotice, suppressionOf } from "../../infra/suppressions.ts";

const manifest = z.object({ devDependencies: z.object({ "@pulumi/cloudflare": z.string() }) });
const { devDependencies } = manifest.parse(
  JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")),
);

/** Those of the paths (as a `detailedDiff` names them) that no suppression explains. */
export function realDifferences(type: string, paths: readonly string[]): string[] {
  return paths.filter((path) => suppressionOf(type, path, devDependencies["@pulumi/cloudflare"]) === null);
}

/** Whether a warning of the provider about a resource of this type is one that nobody need read. */
export function isKnownNotice(type: string, message: string): boolean {
  return suppressedNotice(type, message, devDependencies["@pulumi/cloudflare"]) !== null;
}
