/**
 * A stand-in for Pulumi's Cloudflare provider, for tests only: takes exactly what `@pulumi/cloudflare`'s types say and
 * does it on whatever API `CLOUDFLARE_BASE_URL` names, which is the local platform.
 *
 * It is no bridge to Terraform: it has no defaults, no normalisation and no bugs of the real one (`infra/suppressions.ts`).
 */
import Cloudflare from "cloudflare";
import type { Diff, Plugin, Properties } from "../provider/plugin.ts";
import { isObject, shapeFailures } from "./input-check.ts";
import { covers, refreshed } from "./likeness.ts";
import type { AccountApi, Noun } from "./noun.ts";
import { NOUNS } from "./nouns.ts";
import type { PackageTypes, ResourceTypes } from "./package-types.ts";
import { fromApi, toApi } from "./spelling.ts";

const PERMISSION_GROUPS =
  "cloudflare:index/getAccountApiTokenPermissionGroupsList:getAccountApiTokenPermissionGroupsList";

export function cloudflareStandIn(types: PackageTypes, environment: NodeJS.ProcessEnv): Plugin {
  let client: Cloudflare | undefined;

  const accountApi = ({ accountId }: Properties): AccountApi => {
    if (!client) throw new Error("the provider was used before it was configured");
    const configured = client;
    const result = async (answer: Promise<unknown>): Promise<Properties> => {
      const envelope = await answer;
      return isObject(envelope) && isObject(envelope.result) ? envelope.result : {};
    };
    return {
      get: (path) => result(configured.get(`/accounts/${accountId}${path}`)),
      send: (method, path, body) => result(configured[method](`/accounts/${accountId}${path}`, { body })),
    };
  };

  const resource = (urn: string): { token: string; noun: Noun; shapes: ResourceTypes } => {
    const token = urn.split("::")[2]?.split("$").at(-1) ?? "";
    const shapes = types.resource(token);
    const noun = NOUNS[token];
    if (!noun) throw new Error(`${token} has no counterpart on the local platform: declare it on a real account only`);
    return { token, noun, shapes };
  };
  const declared = ({ noun, shapes }: ReturnType<typeof resource>, given: Properties) => {
    const { accountId: _, ...rest } = given;
    return { given, body: noun.spelled_alike ? rest : toApi(types, shapes.inputs, rest) };
  };
  const shown = ({ noun, shapes }: ReturnType<typeof resource>, live: Properties): Properties =>
    noun.spelled_alike
      ? Object.fromEntries(Object.entries(live).filter(([name]) => shapes.outputs.has(name)))
      : fromApi(types, shapes.outputs, live);
  /** What the API shows, with what only the program knows. */
  const merged = (known: Properties, live: Properties): Properties => ({
    ...live,
    ...Object.fromEntries(Object.entries(known).map(([name, value]) => [name, refreshed(value, live[name])])),
  });

  return {
    name: "cloudflare",
    version: types.version,
    schema: "{}",
    checkConfig: (config) => config,
    configure({ apiToken = environment.CLOUDFLARE_API_TOKEN, baseUrl = environment.CLOUDFLARE_BASE_URL }) {
      if (!apiToken) throw new Error("There is no Cloudflare API token.\nTry: set CLOUDFLARE_API_TOKEN");
      if (!baseUrl?.startsWith("http://127.0.0.1:"))
        throw new Error("This provider is for tests on the local platform.\nTry: set CLOUDFLARE_BASE_URL to its API");
      client = new Cloudflare({ apiToken, apiKey: null, apiEmail: null, baseURL: baseUrl, logLevel: "off" });
    },

    check: ({ urn, news }) => ({
      inputs: news,
      failures: shapeFailures(types, types.resource(urn.split("::")[2]?.split("$").at(-1) ?? "").inputs, news),
    }),

    async diff({ urn, state, news, old_inputs }) {
      const { noun } = resource(urn);
      const changed: Diff["changed"] = {};
      for (const [name, value] of Object.entries(news))
        if (!covers(state[name], value)) changed[name] = name in state ? "update" : "add";
      for (const name of Object.keys(old_inputs)) if (!(name in news)) changed[name] = "delete";
      const fixed = (name: string) => name === "accountId" || noun.fixed === "all" || noun.fixed.includes(name);
      return { changed, replaces: Object.keys(changed).filter(fixed), delete_before_replace: false };
    },

    async create({ urn, inputs, preview }) {
      const of = resource(urn);
      if (preview) return { id: "", outputs: inputs };
      const { id, live } = await of.noun.create(accountApi(inputs), declared(of, inputs));
      return { id, outputs: merged(inputs, shown(of, live)) };
    },

    async read({ urn, id, state, inputs }) {
      const of = resource(urn);
      const imported = Object.keys(state).length === 0;
      const known = imported ? importedProperties(of.noun, id) : state;
      const own = String(imported ? (known.id ?? known[of.noun.import_path.at(-1) ?? ""]) : id);
      const { id: _, ...properties } = known;
      const live = await of.noun.read(accountApi(properties), own, properties);
      if (live === null) return null;
      const outputs = merged(properties, shown(of, live));
      const asInputs = imported
        ? Object.fromEntries(Object.entries(outputs).filter(([name]) => of.shapes.inputs.has(name)))
        : Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, refreshed(value, outputs[name])]));
      return { id: own, outputs, inputs: asInputs };
    },

    async update({ urn, id, state, news, preview }) {
      const of = resource(urn);
      if (preview) return { ...state, ...news };
      const live = await of.noun.update(accountApi(news), id, declared(of, news));
      const { outputs } = of.shapes;
      // Computed values that no answer repeats, such as a token's value, stay.
      const kept = Object.fromEntries(
        Object.entries(state).filter(([name]) => outputs.has(name) && !of.shapes.inputs.has(name)),
      );
      return merged({ ...kept, ...news }, shown(of, live));
    },

    async delete({ urn, id, state }) {
      await resource(urn).noun.delete(accountApi(state), id, state);
    },

    async invoke(token, args) {
      if (token !== PERMISSION_GROUPS) throw new Error(`${token} has no counterpart on the local platform`);
      if (!client) throw new Error("the provider was used before it was configured");
      const query = Object.fromEntries(["name", "scope"].flatMap((name) => (args[name] ? [[name, args[name]]] : [])));
      const envelope: unknown = await client.get(`/accounts/${args.accountId}/tokens/permission_groups`, { query });
      return { ...args, results: isObject(envelope) ? envelope.result : [] };
    },
  };
}

/** `<account id>/<…>/<id>`, Logpush's own with `accounts/` before it. */
function importedProperties({ import_path }: Noun, id: string): Properties {
  const parts = id.replace(/^accounts\//, "").split("/");
  if (parts.length < import_path.length - (import_path.includes("jurisdiction") ? 1 : 0))
    throw new Error(`"${id}" is not an id to import by.\nTry: ${import_path.map((name) => `<${name}>`).join("/")}`);
  return Object.fromEntries(import_path.flatMap((name, at) => (parts[at] === undefined ? [] : [[name, parts[at]]])));
}
