/**
 * A stand-in for Pulumi's Cloudflare provider, for tests only: takes exactly what `@pulumi/cloudflare`'s types say and
 * does it on whatever API `CLOUDFLARE_BASE_URL` names, which is the local platform.
 *
 * It is no bridge to Terraform: it has no defaults, no normalisation and no bugs of the real one (`infra/suppressions.ts`).
 */
import Cloudflare from "cloudflare";
import type { Diff, Plugin, Properties } from "../../infra/provider/plugin.ts";
import { remedyOf } from "../../infra/refusals.ts";
import { isObject } from "../../worker/ground/json.ts";
import { shapeFailures } from "./input-check.ts";
import { completed, covers, refreshed } from "./likeness.ts";
import type { Noun, OwnersApi } from "./noun.ts";
import { NOUNS } from "./nouns.ts";
import { notRefreshed, OFFICIAL_RETRIES, ruleFailures } from "./official-rules.ts";
import type { PackageTypes, ResourceTypes } from "./package-types.ts";
import { fromApi, toApi } from "./spelling.ts";

const PERMISSION_GROUPS =
  "cloudflare:index/getAccountApiTokenPermissionGroupsList:getAccountApiTokenPermissionGroupsList";

export function cloudflareStandIn(types: PackageTypes, environment: NodeJS.ProcessEnv): Plugin {
  let client: Cloudflare | undefined;

  /** Calls below the resource's account, or its zone if it has none. */
  const ownersApi = ({ accountId, zoneId }: Properties): OwnersApi => {
    const owner = accountId === undefined ? `/zones/${zoneId}` : `/accounts/${accountId}`;
    if (!client) throw new Error("the provider was used before it was configured");
    const configured = client;
    const ask = async (method: Method, path: string, body?: unknown): Promise<Properties> => {
      const envelope: unknown = await configured[method](owner + path, { body }).catch((error: unknown) => {
        throw refused(method.toUpperCase(), path.slice(1), error);
      });
      return isObject(envelope) && isObject(envelope.result) ? envelope.result : {};
    };
    return { get: (path) => ask("get", path), send: ask };
  };

  const resource = (urn: string): { token: string; noun: Noun; shapes: ResourceTypes } => {
    const token = tokenOf(urn);
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
  const merged = (known: Properties, live: Properties) => completed(known, live) as Properties;

  return {
    name: "cloudflare",
    version: types.version,
    schema: "{}",
    checkConfig: (config) => config,
    configure({ apiToken = environment.CLOUDFLARE_API_TOKEN, baseUrl = environment.CLOUDFLARE_BASE_URL }) {
      if (!apiToken) throw new Error("There is no Cloudflare API token.\nTry: set CLOUDFLARE_API_TOKEN");
      if (!baseUrl?.startsWith("http://127.0.0.1:"))
        throw new Error("This provider is for tests on the local platform.\nTry: set CLOUDFLARE_BASE_URL to its API");
      const credentials = { apiToken, apiKey: null, apiEmail: null };
      // As often, and as patiently, as the official provider's own client.
      client = new Cloudflare({ ...credentials, baseURL: baseUrl, maxRetries: OFFICIAL_RETRIES, logLevel: "off" });
    },

    check({ urn, news }) {
      const token = tokenOf(urn);
      const { inputs } = types.resource(token);
      return { inputs: news, failures: [...shapeFailures(types, inputs, news), ...ruleFailures(token, news)] };
    },

    async diff({ urn, state, news, old_inputs }) {
      const { noun, shapes } = resource(urn);
      const changed: Diff["changed"] = {};
      for (const [name, value] of Object.entries(news))
        if (!covers(state[name], value)) changed[name] = name in state ? "update" : "add";
      for (const name of Object.keys(old_inputs))
        if (!(name in news) && !shapes.always_shown.has(name)) changed[name] = "delete";
      const fixed = (name: string) => name === "accountId" || noun.fixed === "all" || noun.fixed.includes(name);
      return { changed, replaces: Object.keys(changed).filter(fixed), delete_before_replace: false };
    },

    async create({ urn, inputs, preview }) {
      const of = resource(urn);
      if (preview) return { id: "", outputs: inputs };
      const { id, live } = await of.noun.create(ownersApi(inputs), declared(of, inputs));
      return { id, outputs: merged(inputs, shown(of, live)) };
    },

    async read({ urn, id, state, inputs }) {
      const of = resource(urn);
      const imported = Object.keys(state).length === 0;
      const known = imported ? importedProperties(of.noun, id) : state;
      const own = String(imported ? (known.id ?? known[of.noun.import_path.at(-1) ?? ""]) : id);
      const { id: _, ...properties } = known;
      const live = await of.noun.read(ownersApi(properties), own, properties);
      if (live === null) return null;
      const forgotten = notRefreshed(of.token);
      const kept = Object.entries(properties).filter(([name]) => forgotten.has(name));
      const outputs = { ...merged(properties, shown(of, live)), ...Object.fromEntries(kept) };
      const asInputs = imported
        ? Object.fromEntries(Object.entries(outputs).filter(([name]) => of.shapes.inputs.has(name)))
        : Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, refreshed(value, outputs[name])]));
      return { id: own, outputs, inputs: asInputs };
    },

    async update({ urn, id, state, news, preview }) {
      const of = resource(urn);
      if (preview) return { ...state, ...news };
      const live = await of.noun.update(ownersApi(news), id, declared(of, news));
      const { outputs } = of.shapes;
      // Computed values that no answer repeats, such as a token's value, stay.
      const kept = Object.fromEntries(
        Object.entries(state).filter(([name]) => outputs.has(name) && !of.shapes.inputs.has(name)),
      );
      return merged({ ...kept, ...news }, shown(of, live));
    },

    async delete({ urn, id, state }) {
      await resource(urn).noun.delete(ownersApi(state), id, state);
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

function tokenOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

type Method = "get" | Parameters<OwnersApi["send"]>[0];

/** What the API said, with what to do. */
function refused(method: string, path: string, error: unknown): Error {
  if (!(error instanceof Cloudflare.APIError)) return new Error(`${method} ${path}: ${String(error)}`);
  const said = error.errors.map(({ code, message }) => `${message} (code ${code})`).join("; ") || error.message;
  const { status } = error;
  const remedy =
    status === undefined
      ? "check that the platform runs, and CLOUDFLARE_BASE_URL"
      : remedyOf({ method, path, status, codes: error.errors.map(({ code }) => Number(code)), said });
  return new Error(`${method} ${path}: ${status ?? "no answer"}: ${said}\nTry: ${remedy}`, { cause: error });
}

/** `<account or zone id>/<…>/<id>`, some with `accounts/` or `zones/` before it. */
function importedProperties({ import_path }: Noun, id: string): Properties {
  const parts = id.replace(/^(accounts|zones)\//, "").split("/");
  if (parts.length < import_path.length - (import_path.includes("jurisdiction") ? 1 : 0))
    throw new Error(`"${id}" is not an id to import by.\nTry: ${import_path.map((name) => `<${name}>`).join("/")}`);
  return Object.fromEntries(import_path.flatMap((name, at) => (parts[at] === undefined ? [] : [[name, parts[at]]])));
}
