/** The provider plugin `vectorize`: starts it and gives it its credentials. Composes everything beside it. */
import type { EngineLog } from "./engine-log.ts";
import type { Plugin, Properties } from "./plugin.ts";
import { servePlugin } from "./plugin-server.ts";
import { PACKAGE, packageSchema, RESOURCE, VERSION } from "./schema.ts";
import { VectorizeApi } from "./vectorize-api.ts";
import { vectorizeIndex } from "./vectorize-index.ts";

/** Pulumi's mark of a secret. https://github.com/pulumi/pulumi/blob/master/developer-docs/architecture/type-system.md */
const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" } as const;
const CONFIG_NAMES = ["apiToken", "baseUrl", "version"];

function provider(log: EngineLog, environment: NodeJS.ProcessEnv): Plugin {
  let api: VectorizeApi | undefined;
  const configured = () => {
    if (!api) throw new Error("the provider was used before it was configured");
    return api;
  };
  const index = vectorizeIndex(configured, log);
  const ours = <T extends { urn: string }>(request: T): T => {
    // urn:pulumi:<stack>::<project>::<types of the parents>$<type>::<name>
    const type = request.urn.split("::")[2]?.split("$").at(-1);
    if (type !== RESOURCE) throw new Error(`the package ${PACKAGE} has no resource type ${type}, only ${RESOURCE}`);
    return request;
  };
  return {
    name: PACKAGE,
    version: VERSION,
    schema: packageSchema(),
    checkConfig(config: Properties) {
      // What else a stack sets below `vectorize:` does not belong into the provider's state.
      const kept = Object.fromEntries(Object.entries(config).filter(([name]) => CONFIG_NAMES.includes(name)));
      if (typeof kept.apiToken === "string") kept.apiToken = { ...SECRET, value: kept.apiToken };
      return kept;
    },
    configure({ apiToken = environment.CLOUDFLARE_API_TOKEN, baseUrl = environment.CLOUDFLARE_BASE_URL }) {
      if (!apiToken)
        throw new Error(
          "There is no Cloudflare API token.\nTry: set CLOUDFLARE_API_TOKEN to a token that has Vectorize Write, e.g. the deploy token that `npm run ops -- bootstrap` made",
        );
      api = new VectorizeApi({ apiToken, baseURL: baseUrl || undefined });
    },
    check: (request) => index.check(ours(request)),
    diff: async (request) => index.diff(ours(request)),
    create: async (request) => index.create(ours(request)),
    read: async (request) => index.read(ours(request)),
    update: async (request) => index.update(ours(request)),
    delete: async (request) => index.delete(ours(request)),
  };
}

await servePlugin((log) => provider(log, process.env), process.argv.slice(2));
