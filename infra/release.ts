/**
 * What is uploaded: the bundle's modules, with the source map that stack traces need. Built from today's source, read from
 * a file, or taken over from a version that Cloudflare already has, so that a rollback and the watchdog (one release
 * behind) work on any machine.
 */
import { existsSync, readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { RunError } from "@pulumi/pulumi";
import { accountId } from "./account.ts";
import { bundleWorker } from "./build.ts";
import { cloudflare, unanswered } from "./cloudflare-api.ts";
import { stack } from "./config.ts";
import { COMPATIBILITY, DURABLE_OBJECTS, nameInStack, SERVICE } from "./inventory.ts";
import { readMigrations } from "./migration-files.ts";
import { moduleFiles, type ReleaseModule } from "./release-files.ts";
import { readVersionNote, releaseTag } from "./version-note.ts";

const ROOT = join(import.meta.dirname, "..");
const MAIN_MODULE = "worker.js";
/** Before a version's id in `prism:bundle` and `prism:watchdogBundle`. */
const VERSION_REFERENCE = "version/";

interface Release {
  mainModule: string;
  modules: ReleaseModule[];
  compatibilityDate: string;
  compatibilityFlags: string[];
  /** Short name of the code. */
  tag: string;
  /** Newest migration of the checkout that the code comes from; null where that is not known. */
  schema: string | null;
}

/**
 * The release that a configuration key names: `version/<id>` of this stack's Worker, a file (relative to the repository),
 * or, without a name, today's source. `key` is the configuration key, for the error.
 */
export async function readRelease(reference: string | undefined, key: string): Promise<Release> {
  if (reference?.startsWith(VERSION_REFERENCE))
    return deployedRelease(reference.slice(VERSION_REFERENCE.length), `prism:${key}`);
  const { code, source_map } = reference === undefined ? await bundleWorker() : bundleFile(reference, key);
  const traced = source_map === "" ? code : `${code}\n//# sourceMappingURL=${MAIN_MODULE}.map\n`;
  return {
    mainModule: MAIN_MODULE,
    modules: [
      module(MAIN_MODULE, "application/javascript+module", traced),
      ...(source_map === "" ? [] : [module(`${MAIN_MODULE}.map`, "application/source-map", source_map)]),
    ],
    compatibilityDate: COMPATIBILITY.date,
    compatibilityFlags: [...COMPATIBILITY.flags],
    tag: releaseTag(code),
    schema: readMigrations().at(-1)?.name ?? null,
  };
}

/** Arguments of a `WorkerVersion` that come from the release alone. The same release gives the same arguments. */
export function versionContent({ mainModule, modules, compatibilityDate, compatibilityFlags, tag }: Release) {
  return {
    mainModule,
    modules: moduleFiles(modules),
    compatibilityDate,
    compatibilityFlags,
    // Declarative classes: Cloudflare compares them with what exists. A `migrations` list would be refused from the
    // second upload on, because its tag has been applied.
    exports: Object.fromEntries(
      Object.values(DURABLE_OBJECTS).map((object) => [object.class, { type: "durable-object", storage: "sqlite" }]),
    ),
    annotations: { workersTag: tag },
  };
}

function module(name: string, contentType: string, text: string): ReleaseModule {
  return { name, contentType, contentBase64: Buffer.from(text).toString("base64") };
}

function bundleFile(file: string, key: string): { code: string; source_map: string } {
  const path = isAbsolute(file) ? file : join(ROOT, file);
  if (!existsSync(path))
    throw new RunError(
      `prism:${key} names ${file}, which does not exist. Build it, or remove the pin: pulumi config rm prism:${key}`,
    );
  const map = `${path}.map`;
  return { code: readFileSync(path, "utf8"), source_map: existsSync(map) ? readFileSync(map, "utf8") : "" };
}

/** What an earlier version of the Worker consists of, module by module. */
async function deployedRelease(version_id: string, key: string): Promise<Release> {
  const worker_id = nameInStack(SERVICE, stack);
  const version = await cloudflare.workers.beta.workers.versions
    .get(version_id, { account_id: accountId, worker_id, include: "modules" })
    .catch((error: unknown) => {
      throw unanswered(
        `what version ${version_id} of ${worker_id} consists of (${key})`,
        "Workers Scripts Read",
        error,
      );
    });
  const { modules = [], annotations } = version;
  const mainModule = version.main_module ?? modules[0]?.name;
  const main = modules.find(({ name }) => name === mainModule);
  if (mainModule === undefined || main === undefined)
    throw new RunError(
      `${key} names version ${version_id} of ${worker_id}, whose code Cloudflare does not give out any more. ` +
        `Name another, or go back to today's source: pulumi config rm ${key} --stack ${stack}`,
    );
  return {
    mainModule,
    modules: modules.map(({ name, content_type, content_base64 }) => ({
      name,
      contentType: content_type,
      contentBase64: content_base64,
    })),
    compatibilityDate: version.compatibility_date ?? COMPATIBILITY.date,
    compatibilityFlags: version.compatibility_flags ?? [...COMPATIBILITY.flags],
    tag: annotations?.["workers/tag"] ?? releaseTag(Buffer.from(main.content_base64, "base64").toString("utf8")),
    schema: readVersionNote(annotations?.["workers/message"]).schema,
  };
}
