/** What is uploaded: the bundle's modules, with the source map that stack traces need. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { RunError } from "@pulumi/pulumi";
import { bundleWorker } from "./build.ts";
import { COMPATIBILITY, DURABLE_OBJECTS } from "./inventory.ts";

const ROOT = join(import.meta.dirname, "..");
const MAIN_MODULE = "worker.js";

export interface Bundle {
  code: string;
  /** Empty if the bundle has none. */
  source_map: string;
}

/**
 * A bundle from a file (relative to the repository), or built from today's source when no file is named.
 * `key` is the configuration key that named it, for the error.
 */
export async function readBundle(file: string | undefined, key: string): Promise<Bundle> {
  if (file === undefined) return bundleWorker();
  const path = isAbsolute(file) ? file : join(ROOT, file);
  if (!existsSync(path))
    throw new RunError(
      `prism:${key} names ${file}, which does not exist. Build it, or remove the pin: pulumi config rm prism:${key}`,
    );
  const map = `${path}.map`;
  return { code: readFileSync(path, "utf8"), source_map: existsSync(map) ? readFileSync(map, "utf8") : "" };
}

/** Arguments of a `WorkerVersion` that come from the bundle alone. The same bundle gives the same arguments. */
export function versionContent({ code, source_map }: Bundle) {
  const module = (name: string, contentType: string, text: string) => ({
    name,
    contentType,
    contentBase64: Buffer.from(text).toString("base64"),
  });
  const traced = source_map === "" ? code : `${code}\n//# sourceMappingURL=${MAIN_MODULE}.map\n`;
  return {
    mainModule: MAIN_MODULE,
    // The content itself, not a path: a path would differ between machines and replace the version at every `up`.
    modules: [
      module(MAIN_MODULE, "application/javascript+module", traced),
      ...(source_map === "" ? [] : [module(`${MAIN_MODULE}.map`, "application/source-map", source_map)]),
    ],
    compatibilityDate: COMPATIBILITY.date,
    compatibilityFlags: [...COMPATIBILITY.flags],
    // Declarative classes: Cloudflare compares them with what exists. A `migrations` list would be refused from the
    // second upload on, because its tag has been applied.
    exports: Object.fromEntries(
      Object.values(DURABLE_OBJECTS).map((object) => [object.class, { type: "durable-object", storage: "sqlite" }]),
    ),
    annotations: { workersTag: releaseTag(code) },
  };
}

/** Short name of a release: the start of the code's SHA-256. */
export function releaseTag(code: string): string {
  return createHash("sha256").update(code).digest("hex").slice(0, 12);
}
